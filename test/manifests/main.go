// Command manifests reads manifests of Kubernetes or a file of Docker Compose strictly, by the API's own types and the
// specification's schema, and prints what it understands as JSON: manifests kubernetes FILE..., or manifests compose FILE.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "manifests: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	switch {
	case len(args) > 1 && args[0] == "kubernetes":
		var objects []any
		for _, path := range args[1:] {
			more, err := readKubernetes(path)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			objects = append(objects, more...)
		}
		return json.NewEncoder(out).Encode(objects)
	case len(args) == 2 && args[0] == "compose":
		options, err := cli.NewProjectOptions([]string{args[1]})
		if err != nil {
			return err
		}
		project, err := options.LoadProject(context.Background())
		if err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(project)
	}
	return errors.New("usage: manifests kubernetes FILE..., or manifests compose FILE")
}

// newObject returns an empty object of a kind that the example has.
func newObject(version, kind string) (any, error) {
	switch version + " " + kind {
	case "v1 ConfigMap":
		return &corev1.ConfigMap{}, nil
	case "v1 Secret":
		return &corev1.Secret{}, nil
	case "v1 Service":
		return &corev1.Service{}, nil
	case "v1 PersistentVolumeClaim":
		return &corev1.PersistentVolumeClaim{}, nil
	case "apps/v1 Deployment":
		return &appsv1.Deployment{}, nil
	case "networking.k8s.io/v1 NetworkPolicy":
		return &networkingv1.NetworkPolicy{}, nil
	case "policy/v1 PodDisruptionBudget":
		return &policyv1.PodDisruptionBudget{}, nil
	}
	return nil, fmt.Errorf("no object of %s is %q", version, kind)
}

// readKubernetes reads the objects of a file. A field that its type does not have is an error.
func readKubernetes(path string) ([]any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var objects []any
	for _, doc := range bytes.Split(text, []byte("\n---\n")) {
		var is struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
		}
		if err := yaml.Unmarshal(doc, &is); err != nil {
			return nil, err
		}
		object, err := newObject(is.APIVersion, is.Kind)
		if err != nil {
			return nil, err
		}
		if err := yaml.UnmarshalStrict(doc, object); err != nil {
			return nil, fmt.Errorf("%s: %w", is.Kind, err)
		}
		objects = append(objects, object)
	}
	return objects, nil
}
