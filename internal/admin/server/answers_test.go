package server

import (
	"fmt"
	"testing"
	"testing/synctest"
)

func textAnswer(s string) answer { return answer{text: []byte(s)} }

func TestAnswersComeInTheirOrder(t *testing.T) {
	a := newAnswers()
	for i := range 3 {
		a.put(textAnswer(fmt.Sprint(i)))
	}
	a.finish()
	a.put(textAnswer("late"))
	for i := range 3 {
		if x, ok := a.next(); !ok || string(x.text) != fmt.Sprint(i) {
			t.Errorf("answer %d: got %q, %t", i, x.text, ok)
		}
	}
	if x, ok := a.next(); ok {
		t.Errorf("got %q after the end", x.text)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	for name, fill := range map[string]func(*answerQueue){
		"number": func(a *answerQueue) {
			for range maxAnswers {
				a.put(textAnswer("x"))
			}
		},
		"bytes": func(a *answerQueue) { a.put(answer{text: make([]byte, maxAnswerBytes)}) },
		"held":  func(a *answerQueue) { a.put(answer{text: make([]byte, 1), held: maxAnswerBytes - 1}) },
	} {
		for end, release := range map[string]func(*answerQueue){
			"next":   func(a *answerQueue) { a.next() },
			"gone":   (*answerQueue).gone,
			"cut":    (*answerQueue).cut,
			"finish": (*answerQueue).finish,
		} {
			synctest.Test(t, func(t *testing.T) {
				a := newAnswers()
				a.waitRoom() // there is
				fill(a)
				run := make(chan bool, 1)
				go func() { run <- a.waitRoom() }()
				synctest.Wait()
				select {
				case <-run:
					t.Errorf("%s: no wait", name)
				default:
				}
				release(a)
				if got, want := <-run, end != "cut"; got != want {
					t.Errorf("%s, %s: got %t, want %t", name, end, got, want)
				}
			})
		}
	}
}

func TestAnswersThatNobodyReadsAreThrownAway(t *testing.T) {
	for _, end := range []func(*answerQueue){(*answerQueue).gone, (*answerQueue).cut} {
		a := newAnswers()
		a.put(textAnswer("1"))
		end(a)
		a.put(textAnswer("2"))
		a.finish()
		if x, ok := a.next(); ok {
			t.Errorf("got %q", x.text)
		}
	}
}
