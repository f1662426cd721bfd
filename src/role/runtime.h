/*
 * Runtime: what all roles of a process share: event loops, workers, the HTTP client.
 *
 * Layer: role. Memory: runtime_open/runtime_close. Thread: main.
 */
#pragma once

#include "role/role.h"

enum {
    RUNTIME_QUEUE_MAX = 1024, /* jobs that wait for a worker; over it requests get 503 */
};

bool runtime_open(Runtime *ret, Err *err) MUST_USE;
void runtime_close(Runtime *runtime); /* after every role has closed */
