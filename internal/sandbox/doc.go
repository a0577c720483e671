// Package sandbox permanently takes from the process what it no longer needs: the file system
// except a few directories (Landlock), and the system calls except a list (seccomp). Both work
// without root and for every thread, and cannot be undone. Each is a layer: one may stop what the
// other lets through. SelfCheck then tries what must not work.
//
// Pure functions turn options into rules. Prepare and Enter apply them.
package sandbox
