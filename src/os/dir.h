/*
 * Folders and paths: making, listing, removing, globbing. Paths are C strings.
 *
 * Layer: os. Memory: what is listed goes into the caller's arena. Thread: any; these block, so
 * never from a loop (except on proc and sys, which cannot).
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

bool dir_make(const char *path, u32 mode,
              Err *err) MUST_USE; /* with its parents; existing is fine */
bool dir_sync(const char *path, Err *err) MUST_USE;
bool dir_remove_all(const char *path, Err *err) MUST_USE; /* a missing folder is fine */
bool dir_list(const char *path, Arena *arena, Str **ret_sorted, size_t *ret_count,
              Err *err) MUST_USE; /* names without . and .. */
bool path_exists(const char *path);
bool path_is_dir(const char *path);

/*
 * Glob with *, ?, [a-z], [^a] and \x in any component, as Go's filepath.Glob: a leading dot is a
 * letter like any other, folders that cannot be read are passed over, no match is an empty list.
 * The result is sorted component by component and cleaned of "." and "//"; its strings end in NUL.
 * Errors  ERR_INVALID "syntax error in pattern", ERR_LIMIT of the arena
 */
bool path_glob(const char *pattern, Arena *arena, Str **ret, size_t *ret_count, Err *err) MUST_USE;

/* One component against one pattern. ERR_INVALID when the pattern is malformed. */
bool path_match(Str pattern, Str name, bool *ret_match, Err *err) MUST_USE;
