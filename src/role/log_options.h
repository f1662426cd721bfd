/*
 * Log options: --log.level and --log.format, which every role has.
 *
 * Layer: role. Memory: none. Thread: main.
 */
#pragma once

#include "base/err.h"
#include "base/opts.h"
#include "base/str.h"

#include <stddef.h>

extern const char *const log_level_choices[];
extern const char *const log_format_choices[];

/* Two rows of a role's table; `Type` is its struct, with the fields log_level and log_format. */
#define LOG_OPTIONS(Type)                                                             \
    {.name = "log.level",                                                             \
     .kind = OPT_ENUM,                                                                \
     .offset = offsetof(Type, log_level),                                             \
     .initial = "info",                                                               \
     .choices = log_level_choices,                                                    \
     .help = "Lowest severity that is logged: debug, info, warn, error."},            \
    {                                                                                 \
        .name = "log.format", .kind = OPT_ENUM, .offset = offsetof(Type, log_format), \
        .initial = "logfmt", .choices = log_format_choices,                           \
        .help = "Form of the log: logfmt or json."                                    \
    }

/* Puts the two in force. */
bool log_options_apply(Str level, Str format, Err *err) MUST_USE;
