// Package memguard keeps the daemon within its memory budget: it finds the budget, measures what is
// used, lends publishers their credit and, under pressure, refuses new streams, sheds slow ones and
// shortens the history. It also returns to the system what waves of connections and scrapes leave.
package memguard
