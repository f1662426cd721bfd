/*
 * Static discovery: the targets that a configuration file lists itself (static_configs).
 *
 * Layer: discovery. Memory: results live in the caller's arena and borrow the strings given.
 * Thread: any.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "discovery/target_group.h"

typedef struct StaticConfig { /* one element of static_configs */
    const Str *targets;       /* addresses */
    size_t target_count;
    Labels labels;
} StaticConfig;

/* One group a config, named "0", "1", …. ERR_LIMIT. */
bool static_discover(Arena *arena, const StaticConfig *configs, size_t count, TargetGroup **ret,
                     Err *err) MUST_USE;
