package mortar

import (
	"encoding/json"
	"strings"
	"unicode"
)

// How much of an answer's body goes into a rejection, in characters.
const excerpt = 300

// Response is what the ERP answered, of any status: the plugin decides what a status means.
type Response struct {
	Status uint16
	// Header by its name in lower case.
	Header map[string]string
	Body   []byte
}

// IsSuccess is true for a status from 200 to 299.
func (response Response) IsSuccess() bool { return response.Status >= 200 && response.Status < 300 }

// Refusal is the rejection that this answer deserves: what was called, the status, the beginning of the
// body.
func (response Response) Refusal(what string) error {
	return Reject("%s: the ERP answered %d: %s", what, response.Status, response.excerpt())
}

// JSON reads the body; a rejection says what does not fit.
func (response Response) JSON(into any) error {
	if err := json.Unmarshal(response.Body, into); err != nil {
		return Reject("the ERP's answer is not what was expected (%v): %s", err, response.excerpt())
	}
	return nil
}

func (response Response) excerpt() string {
	// A character has at most four bytes, so this much of the body holds the excerpt.
	text := string(response.Body[:min(len(response.Body), 4*excerpt+4)])
	runes := []rune(strings.TrimSpace(text))
	if len(runes) == 0 {
		return "(no body)"
	}
	end := ""
	if len(runes) > excerpt {
		runes, end = runes[:excerpt], "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, string(runes)) + end
}
