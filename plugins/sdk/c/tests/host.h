// A host for the kit's tests: what it answers, and what it was told.
#include "../mortar.h"

extern struct host {
    // The next calls fail with these; after them, answers are 201 with the step's name.
    mortar_connection_call_error_t errors[2];
    int failing;
    // What settling fails with; NULL succeeds.
    const char *unsettled;
    int settled;
    // One key of memory.
    const char *value;
    uint64_t version;
    // So many writes meet a newer value, or the store is full.
    int conflicts;
    bool full;
    // What was sent, mailed and logged last.
    mortar_request request;
    mortar_mail_message_t message;
    mortar_log_level_t level;
    const char *line;
} host;
