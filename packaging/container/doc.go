// Package container holds the tests of the container image. `make check-image` builds it twice, from two places, and then
// runs these tests with buildah, as root.
package container
