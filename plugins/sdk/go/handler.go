// Package mortar is for writing a Mortar plugin in Go. README.md shows how.
package mortar

import (
	"errors"

	types "contract/mortar_plugin_types"
	witTypes "go.bytecodealliance.org/pkg/wit/types"
)

// Delivery is one event on its way to this plugin, with what does not depend on the event's type.
type Delivery = types.Delivery

// Option is a value that can be absent. Ptr makes it a pointer, which JSON has a word for.
type Option[T any] = witTypes.Option[T]

type outcome = witTypes.Result[types.Outcome, types.Failure]

// Handle makes a handler of a function. nil is done: the ERP now says what the event said. Ignored,
// Reject and Retry say something else; any other error is a rejection with its text.
func Handle[T any](handle func(Delivery, T) error) func(Delivery, T) outcome {
	return func(delivery Delivery, subject T) outcome { return ended(handle(delivery, subject)) }
}

// HandleAny makes a handler of raw events of a function.
func HandleAny(handle func(Delivery) error) func(Delivery) outcome {
	return func(delivery Delivery) outcome { return ended(handle(delivery)) }
}

// Confirm makes what reads back from the ERP of a function.
func Confirm[T any](confirm func(Delivery) (T, error)) func(Delivery) witTypes.Result[T, types.Failure] {
	return func(delivery Delivery) witTypes.Result[T, types.Failure] {
		found, err := confirm(delivery)
		if err != nil {
			return witTypes.Err[T, types.Failure](failed(err))
		}
		return witTypes.Ok[T, types.Failure](found)
	}
}

func ended(err error) outcome {
	var ignored ignored
	switch {
	case err == nil:
		return witTypes.Ok[types.Outcome, types.Failure](types.MakeOutcomeDone())
	case errors.As(err, &ignored):
		return witTypes.Ok[types.Outcome, types.Failure](types.MakeOutcomeIgnored(string(ignored)))
	default:
		return witTypes.Err[types.Outcome, types.Failure](failed(err))
	}
}

// Ptr is the value of an option, nil where it is absent.
func Ptr[T any](option Option[T]) *T {
	if option.IsNone() {
		return nil
	}
	value := option.Some()
	return &value
}
