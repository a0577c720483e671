package names_test

import (
	"fmt"

	"github.com/hassesd/hassesd/internal/names"
)

func ExampleParseTarget() {
	for _, text := range []string{"room624", "news*", "*", "a*b"} {
		target, err := names.ParseTarget(text)
		if err != nil {
			fmt.Printf("%s: the name %v\n", text, err)
			continue
		}
		fmt.Printf("%s: %v %v\n", text, target.Has("room624"), target.Has("news-de"))
	}
	// Output:
	// room624: true false
	// news*: false true
	// *: true true
	// a*b: the name contains '*', which no room's name may have
}

func ExampleTarget_Covers() {
	granted := names.Target{Kind: names.Prefix, Name: "news"}
	fmt.Println(granted.Covers(names.Target{Kind: names.Prefix, Name: "news-de"}))
	fmt.Println(granted.Covers(names.Everything))
	// Output:
	// true
	// false
}
