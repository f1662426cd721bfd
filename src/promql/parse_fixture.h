/*
 * Parse cases: tables of queries with what the parser must say, shared by the parser's tests.
 *
 * Layer: promql, tests only. Memory: none. Thread: main.
 */
#pragma once

#include "promql/parse.h"

typedef struct AcceptCase {
    const char *query;
    const char *printed; /* NULL: as it was written */
} AcceptCase;

typedef struct RefuseCase {
    const char *query;
    const char *error;
} RefuseCase;

/* opts  NULL: everything experimental is off */
void check_accepted(const AcceptCase *cases, size_t count, const ParseOpts *opts);
void check_refused(const RefuseCase *cases, size_t count, const ParseOpts *opts);
