package mortar

import (
	"encoding/json"

	state "contract/mortar_plugin_state"
)

// What the plugin remembers between events: small JSON values under keys of its own. Writes are
// committed together with the delivery, and only where the handler ends with an outcome.

// Tries of a write, each after reading the key again.
const tries = 8

// Remembered reads a key; nil where it is absent.
func Remembered[T any](key string) (*T, error) { return read[T](key, host.get(key)) }

// Remember writes what change makes of the key's value, and answers it. It may run more than once.
func Remember[T any](key string, change func(*T) T) (T, error) {
	var value T
	for range tries {
		entry := host.get(key)
		known, err := read[T](key, entry)
		if err != nil {
			return value, err
		}
		value = change(known)
		bytes, err := json.Marshal(value)
		if err != nil {
			return value, Reject("state `%s`: %v", key, err)
		}
		result := host.put(key, bytes, version(entry))
		if result.IsOk() {
			return value, nil
		}
		if refused := result.Err(); refused.Tag() == state.PutErrorTooLarge {
			return value, Reject("state `%s`: %s", key, refused.TooLarge())
		}
	}
	return value, contended(key)
}

// Forget deletes a key, whatever its value.
func Forget(key string) error {
	for range tries {
		entry := host.get(key)
		if entry.IsNone() || host.delete(key, version(entry)).IsOk() {
			return nil
		}
	}
	return contended(key)
}

func version(entry Option[state.Entry]) uint64 { return entry.SomeOr(state.Entry{}).Version }

func read[T any](key string, entry Option[state.Entry]) (*T, error) {
	if entry.IsNone() {
		return nil, nil
	}
	value := new(T)
	if err := json.Unmarshal(entry.Some().Value, value); err != nil {
		return nil, Reject("state `%s` is not what was expected: %v", key, err)
	}
	return value, nil
}

func contended(key string) error {
	return Retry("other deliveries keep changing the state `" + key + "`")
}
