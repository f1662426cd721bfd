/* Static discovery: see static.h. Layer: discovery. Memory: the caller's arena. Thread: any. */
#include "discovery/static.h"

static bool make_group(Arena *arena, const StaticConfig *config, size_t index, TargetGroup *ret,
                       Err *err)
{
    Labels *targets = ARENA_NEW(arena, Labels, config->target_count);
    Label *addresses = ARENA_NEW(arena, Label, config->target_count);
    Str source;
    if (!targets || !addresses) {
        return arena_full(arena, err);
    }
    if (!arena_printf(arena, &source, err, "%zu", index)) {
        return false;
    }
    for (size_t i = 0; i < config->target_count; i++) {
        addresses[i] = (Label){.name = LABEL_ADDRESS, .value = config->targets[i]};
        targets[i] = (Labels){.at = &addresses[i], .count = config->targets[i].len > 0};
    }
    *ret = (TargetGroup){.source = source,
                         .labels = config->labels,
                         .targets = targets,
                         .target_count = config->target_count};
    return true;
}

bool static_discover(Arena *arena, const StaticConfig *configs, size_t count, TargetGroup **ret,
                     Err *err)
{
    TargetGroup *groups = ARENA_NEW(arena, TargetGroup, count);
    if (!groups) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < count; i++) {
        if (!make_group(arena, &configs[i], i, &groups[i], err)) {
            return false;
        }
    }
    *ret = groups;
    return true;
}
