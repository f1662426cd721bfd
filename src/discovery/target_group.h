/*
 * Target groups: what every discovery gives: addresses (with whatever else is known about each, as
 * labels) that share some labels.
 *
 * Layer: discovery. Memory: views into the arena of whoever discovered them. Thread: immutable.
 */
#pragma once

#include "base/types.h"
#include "model/labels.h"

#define LABEL_ADDRESS S("__address__")

typedef struct TargetGroup {
    Str source;            /* names the group within its job, for messages */
    Labels labels;         /* of all its targets; a target's own label wins */
    const Labels *targets; /* each with __address__ */
    size_t target_count;
} TargetGroup;
