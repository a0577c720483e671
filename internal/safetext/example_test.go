package safetext_test

import (
	"fmt"

	"github.com/hassesd/hassesd/internal/safetext"
)

func ExampleASCII() {
	fmt.Println(safetext.ASCII("Mozilla/5.0 (X11; Linux x86_64)"))
	fmt.Println(safetext.ASCII("caf\u00e9\r\n\x1b[2Jforged line"))
	// Output:
	// Mozilla/5.0 (X11; Linux x86_64)
	// caf\u{E9}\x0D\x0A\x1B[2Jforged line
}

func ExampleVisible() {
	fmt.Println(safetext.Visible("caf\u00e9 \x1b]0;title\a C:\\temp"))
	// Output:
	// café \x1B]0;title\x07 C:\temp
}

func ExampleQuote() {
	fmt.Println(safetext.Quote("room\n624"))
	// Output:
	// "room\x0A624"
}
