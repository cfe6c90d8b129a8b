// Texts, calls, and how a handler ends.
#include "mortar.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// How much of an answer's body goes into a rejection, in characters.
#define EXCERPT 300
// Tries of a write to the plugin's memory, each after reading the key again.
#define TRIES 8

// Memory that is full is the host's limit: it is told as a trap.
static void *allocated(size_t bytes) {
    void *memory = malloc(bytes);
    if (memory == NULL) __builtin_trap();
    return memory;
}

static const char *copied(const void *bytes, size_t length) {
    char *text = allocated(length + 1);
    memcpy(text, bytes, length);
    text[length] = '\0';
    return text;
}

static const char *formatted(const char *format, va_list values) {
    va_list again;
    va_copy(again, values);
    int length = vsnprintf(NULL, 0, format, values);
    char *text = allocated((size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

// ------------------------------------------------------------ how a handler ends

bool mortar_done(mortar_outcome *ret) {
    ret->tag = MORTAR_TYPES_OUTCOME_DONE;
    return true;
}

bool mortar_ignored(mortar_outcome *ret, const char *reason) {
    ret->tag = MORTAR_TYPES_OUTCOME_IGNORED;
    ret->val.ignored = mortar_string(reason);
    return true;
}

bool mortar_reject(mortar_failure *err, const char *format, ...) {
    va_list values;
    va_start(values, format);
    err->tag = MORTAR_TYPES_FAILURE_REJECT;
    err->val.reject = mortar_string(formatted(format, values));
    va_end(values);
    return false;
}

static bool retried(mortar_failure *err, const char *reason, plugin_option_u64_t after_ms) {
    err->tag = MORTAR_TYPES_FAILURE_RETRY;
    err->val.retry.reason = mortar_string(reason);
    err->val.retry.after_ms = after_ms;
    return false;
}

bool mortar_retry(mortar_failure *err, const char *reason) {
    return retried(err, reason, (plugin_option_u64_t){0});
}

bool mortar_retry_after(mortar_failure *err, const char *reason, uint64_t after_ms) {
    return retried(err, reason, (plugin_option_u64_t){.is_some = true, .val = after_ms});
}

// ------------------------------------------------------------ texts

const char *mortar_text(plugin_string_t text) { return copied(text.ptr, text.len); }

const char *mortar_optional(plugin_option_string_t text) { return text.is_some ? mortar_text(text.val) : NULL; }

bool mortar_is(plugin_string_t text, const char *other) {
    return text.len == strlen(other) && memcmp(text.ptr, other, text.len) == 0;
}

const char *mortar_format(const char *format, ...) {
    va_list values;
    va_start(values, format);
    const char *text = formatted(format, values);
    va_end(values);
    return text;
}

const char *mortar_encode(const char *value) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    char *encoded = allocated(3 * strlen(value) + 1), *end = encoded;
    for (; *value; value++) {
        if (strchr(plain, *value)) {
            *end++ = *value;
        } else {
            end += sprintf(end, "%%%02X", (unsigned char)*value);
        }
    }
    *end = '\0';
    return encoded;
}

plugin_string_t mortar_string(const char *text) {
    size_t length = strlen(text);
    return (plugin_string_t){.ptr = (uint8_t *)copied(text, length), .len = length};
}

// ------------------------------------------------------------ calls

mortar_request mortar_request_new(const char *method, const char *connection, const char *path) {
    return (mortar_request){.connection = mortar_string(connection), .method = mortar_string(method), .path = mortar_string(path)};
}

void mortar_request_header(mortar_request *request, const char *name, const char *value) {
    size_t bytes = (request->headers.len + 1) * sizeof *request->headers.ptr;
    plugin_tuple2_string_string_t *headers = realloc(request->headers.ptr, bytes);
    if (headers == NULL) __builtin_trap();
    headers[request->headers.len++] = (plugin_tuple2_string_string_t){mortar_string(name), mortar_string(value)};
    request->headers.ptr = headers;
}

void mortar_request_body(mortar_request *request, const char *content_type, const char *body) {
    plugin_string_t bytes = mortar_string(body);
    request->body = (plugin_option_list_u8_t){.is_some = true, .val = {.ptr = bytes.ptr, .len = bytes.len}};
    mortar_request_header(request, "content-type", content_type);
}

void mortar_request_json(mortar_request *request, mortar_json *json) {
    mortar_request_body(request, "application/json", mortar_json_written(json));
}

// What was not applied is tried again, when the ERP says that it is worth it; the rest is for an operator.
static bool unanswered(const mortar_connection_call_error_t *error, mortar_failure *err) {
    switch (error->tag) {
        case MORTAR_CONNECTION_CALL_ERROR_UNAVAILABLE:
            return retried(err, mortar_text(error->val.unavailable.reason), error->val.unavailable.after_ms);
        case MORTAR_CONNECTION_CALL_ERROR_DENIED:
            return mortar_reject(err, "a call was denied: %s", mortar_text(error->val.denied));
        case MORTAR_CONNECTION_CALL_ERROR_TOO_LARGE:
            return mortar_reject(err, "a call is too large: %s", mortar_text(error->val.too_large));
        case MORTAR_CONNECTION_CALL_ERROR_DIVERGED:
            return mortar_reject(err, "a step was answered before, with another request: %s", mortar_text(error->val.diverged));
        default:
            return mortar_reject(err, "a step is in doubt: %s", mortar_text(error->val.in_doubt));
    }
}

bool mortar_call(const char *step, mortar_request *request, mortar_response *answer, mortar_failure *err) {
    plugin_string_t name = mortar_string(step);
    mortar_connection_call_error_t error;
    return mortar_connection_call(&name, request, answer, &error) || unanswered(&error, err);
}

bool mortar_call_ok(const char *step, mortar_request *request, mortar_response *answer, mortar_failure *err) {
    mortar_response own;
    if (answer == NULL) answer = &own;
    if (!mortar_call(step, request, answer, err)) return false;
    return (answer->status >= 200 && answer->status < 300) || mortar_refuse(answer, "a call failed", err);
}

bool mortar_call_or_settle(const char *step, mortar_request *request, mortar_look look, void *data, mortar_response *answer,
                           mortar_failure *err) {
    plugin_string_t name = mortar_string(step), why;
    mortar_connection_call_error_t error;
    if (mortar_connection_call(&name, request, answer, &error)) return true;
    if (error.tag != MORTAR_CONNECTION_CALL_ERROR_IN_DOUBT) return unanswered(&error, err);
    mortar_settlement settlement;
    if (!look(data, mortar_text(error.val.in_doubt), &settlement, err)) return false;
    if (!mortar_connection_settle(&name, &settlement, &why)) {
        return mortar_reject(err, "step `%s` cannot be settled: %s", step, mortar_text(why));
    }
    return mortar_call(step, request, answer, err);
}

const char *mortar_fresh(const mortar_delivery *delivery, const char *step) {
    return mortar_format("%s#%u", step, (unsigned)delivery->attempt);
}

const char *mortar_body(const mortar_response *answer) { return copied(answer->body.ptr, answer->body.len); }

const char *mortar_header(const mortar_response *answer, const char *name) {
    for (size_t i = 0; i < answer->headers.len; i++) {
        if (mortar_is(answer->headers.ptr[i].f0, name)) return mortar_text(answer->headers.ptr[i].f1);
    }
    return NULL;
}

// The beginning of a body, on one line. The host replaces what is not UTF-8; no character is split here.
static const char *excerpt(const mortar_response *answer) {
    const uint8_t *body = answer->body.ptr, *end = body + answer->body.len;
    while (body < end && *body <= ' ') body++;
    while (end > body && end[-1] <= ' ') end--;
    if (body == end) return "(no body)";
    const uint8_t *cut = body;
    for (size_t characters = 0; cut < end; cut++) {
        bool starts = (*cut & 0xC0) != 0x80;
        if (starts && characters++ == EXCERPT) break;
    }
    char *text = allocated((size_t)(cut - body) + sizeof "…"), *to = text;
    for (; body < cut; body++) *to++ = *body < ' ' || *body == 0x7F ? ' ' : (char)*body;
    strcpy(to, cut < end ? "…" : "");
    return text;
}

bool mortar_refuse(const mortar_response *answer, const char *what, mortar_failure *err) {
    return mortar_reject(err, "%s: the ERP answered %u: %s", what, (unsigned)answer->status, excerpt(answer));
}

// ------------------------------------------------------------ settings, memory, mail, log

const char *mortar_config(const char *key) {
    plugin_string_t name = mortar_string(key), value;
    return mortar_config_get(&name, &value) ? mortar_text(value) : NULL;
}

const char *mortar_remembered(const char *key) {
    plugin_string_t name = mortar_string(key);
    mortar_state_entry_t entry;
    return mortar_state_get(&name, &entry) ? copied(entry.value.ptr, entry.value.len) : NULL;
}

bool mortar_remember(const char *key, mortar_change change, void *data, mortar_failure *err) {
    plugin_string_t name = mortar_string(key);
    for (int tries = 0; tries < TRIES; tries++) {
        mortar_state_entry_t entry;
        mortar_state_put_error_t error;
        bool known = mortar_state_get(&name, &entry);
        const char *value = change(data, known ? copied(entry.value.ptr, entry.value.len) : NULL);
        uint64_t expected = known ? entry.version : 0;
        bool changed;
        if (value != NULL) {
            plugin_string_t bytes = mortar_string(value);
            plugin_list_u8_t list = {.ptr = bytes.ptr, .len = bytes.len};
            changed = mortar_state_put(&name, &list, expected, &error);
        } else {
            changed = !known || mortar_state_delete(&name, expected, &error);
        }
        if (changed) return true;
        if (error.tag == MORTAR_STATE_PUT_ERROR_TOO_LARGE) {
            return mortar_reject(err, "state `%s`: %s", key, mortar_text(error.val.too_large));
        }
    }
    return mortar_retry(err, mortar_format("other deliveries keep changing the state `%s`", key));
}

bool mortar_mail(const char *step, const char *connection, const char *to, const char *subject, const char *text,
                 const char *html, mortar_failure *err) {
    plugin_string_t name = mortar_string(step), recipient = mortar_string(to);
    mortar_mail_message_t message = {
        .connection = mortar_string(connection),
        .to = {.ptr = &recipient, .len = 1},
        .subject = mortar_string(subject),
        .text = mortar_string(text),
    };
    if (html != NULL) message.html = (plugin_option_string_t){.is_some = true, .val = mortar_string(html)};
    mortar_mail_call_error_t error;
    return mortar_mail_send(&name, &message, &error) || unanswered(&error, err);
}

void mortar_log(mortar_log_level_t level, const char *format, ...) {
    va_list values;
    va_start(values, format);
    plugin_string_t line = mortar_string(formatted(format, values));
    va_end(values);
    mortar_log_log(level, &line);
}
