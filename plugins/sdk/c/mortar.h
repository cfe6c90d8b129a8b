// Write a Mortar plugin in C. README.md shows how.
//
// Texts are `const char *`, and NULL is an absent one. What these functions answer lives until the
// handler ends, and nothing has to be freed: each event gets an instance of its own.
#ifndef MORTAR_H
#define MORTAR_H

// Made of the contract for each plugin, by `mortar plugin build`.
#include "plugin.h"

typedef mortar_types_delivery_t mortar_delivery;
typedef mortar_types_outcome_t mortar_outcome;
typedef mortar_types_failure_t mortar_failure;
typedef mortar_connection_request_t mortar_request;
typedef mortar_connection_response_t mortar_response;
typedef mortar_connection_settlement_t mortar_settlement;

#define MORTAR_PRINTF(text, first) __attribute__((format(printf, text, first)))

// ------------------------------------------------------------ how a handler ends
// Each answers what the handler returns: `return mortar_done(ret);`

// The ERP now says what the event said.
bool mortar_done(mortar_outcome *ret);
// Nothing had to be done. Operators can list the reason.
bool mortar_ignored(mortar_outcome *ret, const char *reason);
// No attempt can succeed: a dead letter, which says what an operator has to mend.
bool mortar_reject(mortar_failure *err, const char *format, ...) MORTAR_PRINTF(2, 3);
// Time may mend it: the handler runs again when the retry policy says so.
bool mortar_retry(mortar_failure *err, const char *reason);
// The same, after so many milliseconds.
bool mortar_retry_after(mortar_failure *err, const char *reason, uint64_t after_ms);

// ------------------------------------------------------------ texts

// A text of an event.
const char *mortar_text(plugin_string_t text);
// A text of an event that can be absent.
const char *mortar_optional(plugin_option_string_t text);
// Whether a text of an event is this one.
bool mortar_is(plugin_string_t text, const char *other);
// A text made as printf would.
const char *mortar_format(const char *format, ...) MORTAR_PRINTF(1, 2);
// Percent-encodes a value for one segment of a path, or for a query.
const char *mortar_encode(const char *value);
// The other way: a text for the host, copied.
plugin_string_t mortar_string(const char *text);

// ------------------------------------------------------------ JSON (json.c)

// A JSON object or array that is being written. In an array keys are NULL.
typedef struct mortar_json mortar_json;

mortar_json *mortar_json_object(void);
mortar_json *mortar_json_array(void);
// NULL as a value writes null.
void mortar_json_text(mortar_json *json, const char *key, const char *value);
void mortar_json_integer(mortar_json *json, const char *key, const int64_t *value);
void mortar_json_number(mortar_json *json, const char *key, const double *value);
void mortar_json_bool(mortar_json *json, const char *key, bool value);
void mortar_json_add(mortar_json *json, const char *key, mortar_json *value);
// What was written so far, as a text.
const char *mortar_json_written(mortar_json *json);

// Reads one value of a JSON text: `lines.0.sku` walks into objects and arrays. A string answers its
// text, anything else its JSON; NULL where there is no such value, or it is null.
const char *mortar_json_read(const char *json, const char *path);

// ------------------------------------------------------------ calls

// A request through a connection. `path` is below the connection's base URL and starts with `/`;
// mortar_encode what you put into it.
mortar_request mortar_request_new(const char *method, const char *connection, const char *path);
// Credentials and the idempotency key are the host's: naming one is denied.
void mortar_request_header(mortar_request *request, const char *name, const char *value);
void mortar_request_body(mortar_request *request, const char *content_type, const char *body);
void mortar_request_json(mortar_request *request, mortar_json *json);

// Makes a call as the step of that name, or answers from the journal where it was answered before.
// False where there is no answer; `err` then says how the handler ends, so `return false;` is right.
bool mortar_call(const char *step, mortar_request *request, mortar_response *answer, mortar_failure *err);
// The same, and any status that is not 2xx is refused. `answer` can be NULL.
bool mortar_call_ok(const char *step, mortar_request *request, mortar_response *answer, mortar_failure *err);
// Finds out in the ERP what became of a step that is in doubt. It is given the host's words, and makes
// its own calls under fresh names: an old answer would not settle anything.
typedef bool (*mortar_look)(void *data, const char *doubt, mortar_settlement *settlement, mortar_failure *err);
// Makes a call; where the step is in doubt, `look` says what became of it, and the step is settled so.
bool mortar_call_or_settle(const char *step, mortar_request *request, mortar_look look, void *data, mortar_response *answer,
                           mortar_failure *err);
// A step name that is asked afresh on each attempt. Only for reads: a write under such a name would be
// repeated by each retry.
const char *mortar_fresh(const mortar_delivery *delivery, const char *step);

// The body of an answer, as a text.
const char *mortar_body(const mortar_response *answer);
// The value of a header, by its name in lower case; NULL where it is absent.
const char *mortar_header(const mortar_response *answer, const char *name);
// Rejects with what was called, the status and the beginning of the body.
bool mortar_refuse(const mortar_response *answer, const char *what, mortar_failure *err);

// ------------------------------------------------------------ settings, memory, mail, log

// One value of [config] in plugin.toml; NULL where it is absent. A dot walks into tables.
const char *mortar_config(const char *key);

// Reads a key of the plugin's memory; NULL where it is absent.
const char *mortar_remembered(const char *key);
// What a key becomes; NULL deletes it. It may run more than once.
typedef const char *(*mortar_change)(void *data, const char *value);
// Changes a key. Committed together with the delivery, where the handler ends with an outcome.
bool mortar_remember(const char *key, mortar_change change, void *data, mortar_failure *err);

// Sends an e-mail as the step of that name: a retry of the handler never mails twice. `html` can be NULL.
bool mortar_mail(const char *step, const char *connection, const char *to, const char *subject, const char *text,
                 const char *html, mortar_failure *err);

// Lines for the operator, kept with the attempt. Never log credentials or personal data.
void mortar_log(mortar_log_level_t level, const char *format, ...) MORTAR_PRINTF(2, 3);
#define mortar_debug(...) mortar_log(MORTAR_LOG_LEVEL_DEBUG, __VA_ARGS__)
#define mortar_info(...) mortar_log(MORTAR_LOG_LEVEL_INFO, __VA_ARGS__)
#define mortar_warn(...) mortar_log(MORTAR_LOG_LEVEL_WARN, __VA_ARGS__)
#define mortar_error(...) mortar_log(MORTAR_LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
