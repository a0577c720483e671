// Package sandbox takes from the process, for good, what it will not need any more: the file system but for a few
// directories (Landlock), and the system calls but for a list (seccomp). Both work without root, for every thread, and
// cannot be undone. Each is a layer: what one lets through the other may still stop. SelfCheck then tries what must not
// work.
//
// What may be done is decided by pure functions that are given settings and answer rules; Prepare and Enter make them true.
package sandbox
