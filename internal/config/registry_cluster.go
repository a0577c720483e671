package config

// clusterEntries are the keys of a log that several daemons share.
var clusterEntries = []entry{
	{
		name:    "cluster.nats",
		usage:   "URLs of the NATS servers, with JetStream, that keep the log of messages. All daemons with the same cluster.name are then one: what is published at any of them reaches the streams of all, and clients resume at any of them. tls:// demands TLS. Without a server, the daemon is on its own. May be repeated.",
		example: "nats://10.0.0.11:4222",
		field:   func(s *Settings) any { return &s.Cluster.NATS },
	},
	{
		name:    "cluster.name",
		usage:   "Name of the cluster, the same at all its daemons: letters, digits, hyphens and underscores. Several clusters can share NATS servers.",
		example: "chat",
		field:   func(s *Settings) any { return &s.Cluster.Name },
	},
	{
		name:    "cluster.node",
		usage:   "Name of this daemon in lists of nodes. Without a name, the name of the host.",
		example: "edge1",
		field:   func(s *Settings) any { return &s.Cluster.Node },
	},
	{
		name:    "cluster.replicas",
		usage:   "How many NATS servers keep the log: 1, 3 or 5. With 3, a message is acknowledged when two of them have it, and the cluster goes on when one of them fails.",
		example: "3",
		field:   func(s *Settings) any { return &s.Cluster.Replicas },
	},
	{
		name:       "cluster.patience",
		usage:      "How long streams stay open while this daemon cannot reach the log, as a duration. Then they are ended, over drain.window, so that their clients reconnect and find a daemon that can.",
		example:    "30s",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Cluster.Patience },
	},
	{
		name:    "cluster.credentials_file",
		usage:   "File with which this daemon identifies itself to the NATS servers: a .creds file (a user's JWT and seed), or the seed of an NKEY alone. It is read again for each connection.",
		example: "/etc/hassesd/cluster/node.creds",
		field:   func(s *Settings) any { return &s.Cluster.CredentialsFile },
	},
	{
		name:    "cluster.ca_file",
		usage:   "PEM file of the authorities that sign the NATS servers' certificates. It demands TLS. Without a file, the authorities of the system.",
		example: "/etc/hassesd/cluster/ca.pem",
		field:   func(s *Settings) any { return &s.Cluster.CAFile },
	},
	{
		name:    "cluster.cert_file",
		usage:   "PEM file of the certificate that this daemon shows to the NATS servers. It demands TLS, and cluster.key_file. Both are read again for each connection.",
		example: "/etc/hassesd/cluster/node.pem",
		field:   func(s *Settings) any { return &s.Cluster.CertFile },
	},
	{
		name:    "cluster.key_file",
		usage:   "PEM file of the private key of cluster.cert_file.",
		example: "/etc/hassesd/cluster/node.key",
		field:   func(s *Settings) any { return &s.Cluster.KeyFile },
	},
}
