// Command image writes hassesd's container image for several architectures as an OCI image layout, and the same in one
// archive. It needs no container engine, and gives the same bytes for the same input.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

const usage = "usage: image layout VERSION SOURCE_DATE_EPOCH STAGE OUTPUT, or image rootfs SOURCE_DATE_EPOCH STAGE ARCH OUTPUT; " +
	"STAGE has copyright, hassesd.toml, and hassesd, hassesctl and sbom.cdx.json in a directory of each architecture"

// architectures are those of the image, by Go's names, which are OCI's.
var architectures = []string{"amd64", "arm64"}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "image: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 5 {
		return errors.New(usage)
	}
	switch args[0] {
	case "layout":
		return buildLayout(args[1], args[2], args[3], args[4])
	case "rootfs":
		return buildRootFS(args[1], args[2], args[3], args[4])
	}
	return errors.New(usage)
}

// buildLayout writes the layout and the archive of all architectures into the directory out.
func buildLayout(version, epoch, stage, out string) error {
	at, err := parseEpoch(epoch)
	if err != nil {
		return err
	}
	base, err := baseFiles(stage)
	if err != nil {
		return err
	}
	l := newLayout()
	for _, arch := range architectures {
		programs, err := programFiles(filepath.Join(stage, arch))
		if err != nil {
			return err
		}
		if err := l.addImage(version, arch, at, base, programs); err != nil {
			return fmt.Errorf("image for %s: %w", arch, err)
		}
	}
	if err := l.finish(version, at); err != nil {
		return err
	}
	if err := l.writeDirectory(filepath.Join(out, "oci")); err != nil {
		return err
	}
	return l.writeArchive(filepath.Join(out, "hassesd.tar"), at)
}

// buildRootFS writes the files of the image for one architecture below the directory out.
func buildRootFS(epoch, stage, arch, out string) error {
	at, err := parseEpoch(epoch)
	if err != nil {
		return err
	}
	base, err := baseFiles(stage)
	if err != nil {
		return err
	}
	programs, err := programFiles(filepath.Join(stage, arch))
	if err != nil {
		return err
	}
	return writeFiles(out, append(base, programs...), at)
}

func parseEpoch(text string) (time.Time, error) {
	epoch, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(epoch, 0).UTC(), nil
}
