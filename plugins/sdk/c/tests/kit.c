// The kit's tests: a failed one names its line.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

#define HOLDS(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

#define SAME(text, expected)                                                   \
    do {                                                                       \
        const char *found = (text);                                            \
        if (found == NULL || strcmp(found, expected) != 0) {                   \
            fprintf(stderr, "%s:%d: `%s` is not `%s`\n", __FILE__, __LINE__, found ? found : "(none)", expected); \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

static mortar_failure failure;

static const char *rejected(void) {
    HOLDS(failure.tag == MORTAR_TYPES_FAILURE_REJECT);
    return mortar_text(failure.val.reject);
}

static mortar_response answer(uint16_t status, const char *body) {
    plugin_string_t bytes = mortar_string(body);
    return (mortar_response){.status = status, .body = {.ptr = bytes.ptr, .len = bytes.len}};
}

static const char *repeated(const char *text, size_t times, const char *end) {
    char *all = calloc(times + 1, strlen(text) + strlen(end) + 1);
    while (times-- > 0) strcat(all, text);
    return strcat(all, end);
}

static void a_handler_ends_as_it_says(void) {
    mortar_outcome outcome;
    HOLDS(mortar_done(&outcome) && outcome.tag == MORTAR_TYPES_OUTCOME_DONE);
    HOLDS(mortar_ignored(&outcome, "not ours") && outcome.tag == MORTAR_TYPES_OUTCOME_IGNORED);
    SAME(mortar_text(outcome.val.ignored), "not ours");
    HOLDS(!mortar_reject(&failure, "no order %d", 7));
    SAME(rejected(), "no order 7");
    HOLDS(!mortar_retry(&failure, "a lock") && failure.tag == MORTAR_TYPES_FAILURE_RETRY && !failure.val.retry.after_ms.is_some);
    HOLDS(!mortar_retry_after(&failure, "a lock", 50) && failure.val.retry.after_ms.val == 50);
}

static void a_request_is_built_with_its_headers_and_its_body(void) {
    mortar_json *json = mortar_json_object();
    mortar_json_text(json, "number", "é\"\\\n\x01");
    mortar_request request = mortar_request_new("POST", "erp", "/orders");
    HOLDS(!request.body.is_some);
    mortar_request_header(&request, "if-match", "7");
    mortar_request_json(&request, json);
    HOLDS(mortar_is(request.connection, "erp") && mortar_is(request.method, "POST") && mortar_is(request.path, "/orders"));
    HOLDS(request.headers.len == 2 && mortar_is(request.headers.ptr[0].f1, "7") && mortar_is(request.headers.ptr[1].f1, "application/json"));
    SAME(mortar_text((plugin_string_t){request.body.val.ptr, request.body.val.len}), "{\"number\":\"é\\\"\\\\\\u000a\\u0001\"}");
}

static void json_is_written(void) {
    int64_t least = INT64_MIN;
    double half = 0.5;
    mortar_json *lines = mortar_json_array(), *json = mortar_json_object();
    mortar_json_integer(lines, NULL, &least);
    mortar_json_number(lines, NULL, &half);
    mortar_json_add(lines, NULL, mortar_json_array());
    mortar_json_bool(lines, NULL, true);
    mortar_json_text(json, "none", NULL);
    mortar_json_integer(json, "neither", NULL);
    SAME(mortar_json_written(json), "{\"none\":null,\"neither\":null}");
    mortar_json_add(json, "lines", lines);
    SAME(mortar_json_written(json), "{\"none\":null,\"neither\":null,\"lines\":[-9223372036854775808,0.5,[],true]}");
}

static void json_is_read(void) {
    const char *json = " { \"a\" : { \"b.c\" : 1 , \"lines\" : [ {\"sku\":\"x\"} , [2, -3.5e1] ] } , \"n\":null,\"t\":\"\\u00e9\\ud83d\\ude00\\n\\/\\\"\" } ";
    SAME(mortar_json_read(json, "a.lines.0.sku"), "x");
    SAME(mortar_json_read(json, "a.lines.1.1"), "-3.5e1");
    SAME(mortar_json_read(json, "a.lines.1"), "[2, -3.5e1]");
    SAME(mortar_json_read(json, "t"), "é😀\n/\"");
    SAME(mortar_json_read("\"whole\"", ""), "whole");
    const char *absent[] = {"n", "x", "a.x", "a.lines.2", "a.lines.x", "a.lines.0.sku.0", "t.x"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) HOLDS(mortar_json_read(json, absent[i]) == NULL);
}

static void what_is_not_json_has_no_values(void) {
    const char *bad[] = {"", "{", "[", "{\"a\"", "{\"a\":", "{\"a\":\"", "{\"a\":\"\\", "{\"a\" 1}", "{a:1}", "<html>", "{\"b\":[[[", "{\"b\":}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) HOLDS(mortar_json_read(bad[i], "a") == NULL);
    HOLDS(mortar_json_read(repeated("[", 100000, ""), "1") == NULL);
}

static void a_2xx_goes_on_and_anything_else_is_refused_with_its_words(void) {
    mortar_response refused = answer(422, " {\"error\":\"unknown\n SKU\"} ");
    HOLDS(!mortar_refuse(&refused, "ship/shp_001", &failure));
    SAME(rejected(), "ship/shp_001: the ERP answered 422: {\"error\":\"unknown  SKU\"}");
    refused = answer(404, " ");
    mortar_refuse(&refused, "x", &failure);
    SAME(rejected(), "x: the ERP answered 404: (no body)");
    mortar_request request = mortar_request_new("GET", "erp", "/");
    HOLDS(mortar_call_ok("stock", &request, NULL, &failure));
    HOLDS(mortar_call_ok("stock", &request, &refused, &failure));
    SAME(mortar_body(&refused), "stock");
}

static void an_excerpt_is_bounded_and_never_splits_a_character(void) {
    mortar_response long_one = answer(400, repeated("€", 300, ""));
    mortar_refuse(&long_one, "x", &failure);
    SAME(rejected(), mortar_format("x: the ERP answered 400: %s", repeated("€", 300, "")));
    long_one = answer(400, repeated("€", 2000, ""));
    mortar_refuse(&long_one, "x", &failure);
    SAME(rejected(), mortar_format("x: the ERP answered 400: %s", repeated("€", 300, "…")));
}

static void only_what_was_not_applied_is_retried(void) {
    mortar_request request = mortar_request_new("GET", "erp", "/");
    mortar_response ret;
    host.errors[0].tag = MORTAR_CONNECTION_CALL_ERROR_UNAVAILABLE;
    host.errors[0].val.unavailable = (mortar_connection_unavailable_t){.reason = mortar_string("503"), .after_ms = {true, 1500}};
    host.failing = 1;
    HOLDS(!mortar_call("step", &request, &ret, &failure) && failure.tag == MORTAR_TYPES_FAILURE_RETRY);
    HOLDS(mortar_is(failure.val.retry.reason, "503") && failure.val.retry.after_ms.val == 1500);
    for (uint8_t tag = MORTAR_CONNECTION_CALL_ERROR_DENIED; tag <= MORTAR_CONNECTION_CALL_ERROR_IN_DOUBT; tag++) {
        host.errors[0] = (mortar_connection_call_error_t){.tag = tag, .val = {.denied = mortar_string("words")}};
        host.failing = 1;
        HOLDS(!mortar_call("step", &request, &ret, &failure) && strstr(rejected(), ": words"));
    }
}

static bool resend(void *data, const char *doubt, mortar_settlement *settlement, mortar_failure *err) {
    (void)err;
    *(const char **)data = doubt;
    settlement->tag = MORTAR_CONNECTION_SETTLEMENT_RESEND;
    return true;
}

static void a_step_in_doubt_is_looked_up_settled_and_called_again(void) {
    mortar_request request = mortar_request_new("POST", "erp", "/payments");
    mortar_response ret;
    const char *doubt = NULL;
    host.errors[0] = (mortar_connection_call_error_t){.tag = MORTAR_CONNECTION_CALL_ERROR_IN_DOUBT, .val = {.in_doubt = mortar_string("sent once")}};
    host.failing = 1;
    HOLDS(mortar_call_or_settle("pay", &request, resend, &doubt, &ret, &failure) && host.settled == 1);
    SAME(doubt, "sent once");
    SAME(mortar_body(&ret), "pay");
    host.failing = 1;
    host.unsettled = "it is not in doubt";
    HOLDS(!mortar_call_or_settle("pay", &request, resend, &doubt, &ret, &failure));
    SAME(rejected(), "step `pay` cannot be settled: it is not in doubt");
}

static void texts_are_encoded_and_compared(void) {
    SAME(mortar_encode("SO 1/2?é"), "SO%201%2F2%3F%C3%A9");
    SAME(mortar_encode("TEE-BLU_M.1~"), "TEE-BLU_M.1~");
    HOLDS(mortar_is(mortar_string("ab"), "ab") && !mortar_is(mortar_string("ab"), "a") && !mortar_is(mortar_string("a"), "ab"));
    HOLDS(mortar_optional((plugin_option_string_t){0}) == NULL);
    mortar_delivery delivery = {.attempt = 2};
    SAME(mortar_fresh(&delivery, "state"), "state#2");
    plugin_tuple2_string_string_t etag = {mortar_string("etag"), mortar_string("7")};
    mortar_response tagged = {.headers = {&etag, 1}};
    SAME(mortar_header(&tagged, "etag"), "7");
    HOLDS(mortar_header(&tagged, "date") == NULL);
    SAME(mortar_config("warehouse.code"), "FN1");
    HOLDS(mortar_config("carrier") == NULL);
}

static const char *and_mine(void *data, const char *value) {
    (void)data;
    return value ? mortar_format("%s and mine", value) : "mine";
}

static const char *none(void *data, const char *value) {
    (void)data, (void)value;
    return NULL;
}

static void memory_is_changed_under_others(void) {
    HOLDS(mortar_remember("n", and_mine, NULL, &failure) && host.version == 1);
    SAME(mortar_remembered("n"), "mine");
    host.conflicts = 1;
    HOLDS(mortar_remember("n", and_mine, NULL, &failure));
    SAME(mortar_remembered("n"), "newer and mine");
    HOLDS(mortar_remember("n", none, NULL, &failure) && mortar_remembered("n") == NULL);
    host.conflicts = 1000;
    HOLDS(!mortar_remember("n", and_mine, NULL, &failure) && failure.tag == MORTAR_TYPES_FAILURE_RETRY);
    host.full = true;
    HOLDS(!mortar_remember("n", and_mine, NULL, &failure));
    SAME(rejected(), "state `n`: 65 KiB");
}

static void mails_and_lines_reach_the_host(void) {
    HOLDS(mortar_mail("mail/short", "mail", "ops@example.com", "short", "2 units", NULL, &failure));
    HOLDS(mortar_is(host.message.to.ptr[0], "ops@example.com") && !host.message.html.is_some && !host.message.reply_to.is_some);
    mortar_warn("%d units", 2);
    HOLDS(host.level == MORTAR_LOG_LEVEL_WARN);
    SAME(host.line, "2 units");
}

int main(void) {
    a_handler_ends_as_it_says();
    a_request_is_built_with_its_headers_and_its_body();
    json_is_written();
    json_is_read();
    what_is_not_json_has_no_values();
    a_2xx_goes_on_and_anything_else_is_refused_with_its_words();
    an_excerpt_is_bounded_and_never_splits_a_character();
    only_what_was_not_applied_is_retried();
    a_step_in_doubt_is_looked_up_settled_and_called_again();
    texts_are_encoded_and_compared();
    memory_is_changed_under_others();
    mails_and_lines_reach_the_host();
    puts("the kit's tests hold");
}
