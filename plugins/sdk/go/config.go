package mortar

import "encoding/json"

// Config reads the [config] table of plugin.toml; a rejection says what does not fit.
func Config(into any) error {
	if err := json.Unmarshal([]byte(host.config()), into); err != nil {
		return Reject("[config] in plugin.toml: %v", err)
	}
	return nil
}
