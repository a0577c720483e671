package main

import (
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// The parts of CycloneDX 1.5 that we use; see https://cyclonedx.org/docs/1.5/json/.
type (
	document struct {
		Format       string       `json:"bomFormat"`
		Spec         string       `json:"specVersion"`
		Serial       string       `json:"serialNumber"`
		Version      int          `json:"version"`
		Metadata     metadata     `json:"metadata"`
		Components   []component  `json:"components"`
		Dependencies []dependency `json:"dependencies"`
	}
	metadata struct {
		Timestamp string    `json:"timestamp"`
		Component component `json:"component"`
	}
	component struct {
		Type       string      `json:"type"`
		Ref        string      `json:"bom-ref"`
		Name       string      `json:"name"`
		Version    string      `json:"version"`
		PURL       string      `json:"purl"`
		Scope      string      `json:"scope,omitempty"`
		Licenses   []licence   `json:"licenses,omitempty"`
		Properties []property  `json:"properties,omitempty"`
		Components []component `json:"components,omitempty"`
	}
	licence struct {
		License struct {
			ID string `json:"id"`
		} `json:"license"`
	}
	property   struct{ Name, Value string }
	dependency struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn"`
	}
)

// MarshalJSON writes the names as the format spells them.
func (p property) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"name": p.Name, "value": p.Value})
}

// modules returns the modules linked into the programs except our own, each once, sorted by name.
func modules(programs []*buildinfo.BuildInfo) []*debug.Module {
	var list []*debug.Module
	for _, p := range programs {
		for _, m := range p.Deps {
			for m.Replace != nil {
				m = m.Replace
			}
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b *debug.Module) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Version, b.Version))
	})
	return slices.CompactFunc(list, func(a, b *debug.Module) bool { return a.Path == b.Path && a.Version == b.Version })
}

// writeSBOM writes the same bytes for the same programs, version and time. data are modules whose
// data is shipped beside the programs.
func writeSBOM(out io.Writer, version string, at time.Time, programs []*buildinfo.BuildInfo, data []*debug.Module) error {
	main := programs[0].Main.Path
	own := component{Type: "application", Name: path.Base(main), Version: version, PURL: "pkg:golang/" + main + "@" + version}
	own.Ref = own.PURL
	own.Licenses = make([]licence, 1)
	own.Licenses[0].License.ID = "MIT"
	uses := map[string][]string{own.Ref: {}}
	for _, p := range programs {
		c := component{Type: "application", Name: path.Base(p.Path), Version: version, PURL: own.PURL + "#" + strings.TrimPrefix(p.Path, main+"/")}
		c.Ref = c.PURL
		for _, key := range []string{"GOOS", "GOARCH", "CGO_ENABLED", "-trimpath"} {
			for _, s := range p.Settings {
				if s.Key == key {
					c.Properties = append(c.Properties, property{"go:" + strings.TrimPrefix(s.Key, "-"), s.Value})
				}
			}
		}
		own.Components = append(own.Components, c)
		uses[own.Ref] = append(uses[own.Ref], c.Ref)
		uses[c.Ref] = []string{standardLibrary(p).Ref}
		for _, m := range modules([]*buildinfo.BuildInfo{p}) {
			uses[c.Ref] = append(uses[c.Ref], library(m).Ref)
		}
	}
	doc := document{
		Format:     "CycloneDX",
		Spec:       "1.5",
		Version:    1,
		Metadata:   metadata{Timestamp: at.Format(time.RFC3339), Component: own},
		Components: []component{standardLibrary(programs[0])},
	}
	for _, m := range modules(programs) {
		doc.Components = append(doc.Components, library(m))
	}
	for _, m := range data {
		c := library(m)
		doc.Components = append(doc.Components, c)
		uses[own.Ref] = append(uses[own.Ref], c.Ref)
	}
	for ref, on := range uses {
		doc.Dependencies = append(doc.Dependencies, dependency{ref, on})
	}
	slices.SortFunc(doc.Dependencies, func(a, b dependency) int { return cmp.Compare(a.Ref, b.Ref) })
	text, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	doc.Serial = serial(text)
	if text, err = json.MarshalIndent(doc, "", "  "); err != nil {
		return err
	}
	_, err = out.Write(append(text, '\n'))
	return err
}

func standardLibrary(p *buildinfo.BuildInfo) component {
	version := strings.TrimPrefix(p.GoVersion, "go")
	purl := "pkg:golang/std@" + version
	return component{Type: "library", Ref: purl, Name: "std", Version: version, PURL: purl, Scope: "required"}
}

func library(m *debug.Module) component {
	purl := "pkg:golang/" + m.Path + "@" + m.Version
	c := component{Type: "library", Ref: purl, Name: m.Path, Version: m.Version, PURL: purl, Scope: "required"}
	if m.Sum != "" {
		c.Properties = []property{{"go:sum", m.Sum}}
	}
	return c
}

// serial returns a UUID derived from the content (RFC 9562, version 8), so that the same content has the same one.
func serial(content []byte) string {
	h := sha256.Sum256(content)
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}
