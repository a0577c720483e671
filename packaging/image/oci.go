package main

import "time"

// The parts of the OCI image specification 1.1 that we use, see
// https://github.com/opencontainers/image-spec/blob/v1.1.1/: config.md, manifest.md, image-index.md and image-layout.md.
const (
	mediaConfig   = "application/vnd.oci.image.config.v1+json"
	mediaLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
	mediaManifest = "application/vnd.oci.image.manifest.v1+json"
	mediaIndex    = "application/vnd.oci.image.index.v1+json"
)

type (
	descriptor struct {
		MediaType   string            `json:"mediaType"`
		Digest      string            `json:"digest"`
		Size        int64             `json:"size"`
		Platform    *platform         `json:"platform,omitempty"`
		Annotations map[string]string `json:"annotations,omitempty"`
	}
	platform struct {
		Architecture string `json:"architecture"`
		OS           string `json:"os"`
	}
	index struct {
		SchemaVersion int               `json:"schemaVersion"`
		MediaType     string            `json:"mediaType"`
		Manifests     []descriptor      `json:"manifests"`
		Annotations   map[string]string `json:"annotations,omitempty"`
	}
	manifest struct {
		SchemaVersion int               `json:"schemaVersion"`
		MediaType     string            `json:"mediaType"`
		Config        descriptor        `json:"config"`
		Layers        []descriptor      `json:"layers"`
		Annotations   map[string]string `json:"annotations,omitempty"`
	}
	image struct {
		Created      time.Time   `json:"created"`
		Author       string      `json:"author"`
		Architecture string      `json:"architecture"`
		OS           string      `json:"os"`
		Config       imageConfig `json:"config"`
		RootFS       rootFS      `json:"rootfs"`
		History      []history   `json:"history"`
	}
	imageConfig struct {
		User         string              `json:"User"`
		ExposedPorts map[string]struct{} `json:"ExposedPorts"`
		Env          []string            `json:"Env"`
		Entrypoint   []string            `json:"Entrypoint"`
		WorkingDir   string              `json:"WorkingDir"`
		Labels       map[string]string   `json:"Labels"`
		StopSignal   string              `json:"StopSignal"`
		Healthcheck  healthcheck         `json:"Healthcheck"` // reserved by OCI for Docker, which runs it
	}
	healthcheck struct {
		Test        []string      `json:"Test"`
		Interval    time.Duration `json:"Interval"` // in nanoseconds
		Timeout     time.Duration `json:"Timeout"`
		StartPeriod time.Duration `json:"StartPeriod"`
		Retries     int           `json:"Retries"`
	}
	rootFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	}
	history struct {
		Created   time.Time `json:"created"`
		CreatedBy string    `json:"created_by"`
	}

	// dockerManifest is an entry of manifest.json, by which Docker without the containerd image store loads an archive.
	dockerManifest struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
)

// labels are those of opencontainers.org that say where the image comes from.
func labels(version string, at time.Time) map[string]string {
	const prefix = "org.opencontainers.image."
	return map[string]string{
		prefix + "title":         "hassesd",
		prefix + "description":   "TLS-first edge daemon for Server-Sent Events",
		prefix + "version":       version,
		prefix + "created":       at.Format(time.RFC3339),
		prefix + "licenses":      "MIT",
		prefix + "vendor":        "hassesd",
		prefix + "url":           "https://github.com/hassesd/hassesd",
		prefix + "source":        "https://github.com/hassesd/hassesd",
		prefix + "documentation": "https://github.com/hassesd/hassesd/blob/main/docs/container.md",
	}
}

// newImageConfig returns how a container of the image runs.
func newImageConfig(version string, at time.Time) imageConfig {
	return imageConfig{
		User:         "65532:65532",
		ExposedPorts: map[string]struct{}{"8080/tcp": {}, "8085/tcp": {}, "8443/tcp": {}},
		Env: []string{
			"PATH=/usr/bin",
			"HASSESD_CONFIG=/etc/hassesd/hassesd.toml",
			"HASSESCTL_TCP=127.0.0.1:8085",
		},
		Entrypoint: []string{"/usr/bin/hassesd"},
		WorkingDir: "/",
		Labels:     labels(version, at),
		StopSignal: "SIGTERM",
		Healthcheck: healthcheck{
			Test:        []string{"CMD", "/usr/bin/hassesctl", "ping"},
			Interval:    30 * time.Second,
			Timeout:     5 * time.Second,
			StartPeriod: 10 * time.Second,
			Retries:     3,
		},
	}
}
