/*
 * Version: the `--version` page in the originals' layout, which scripts grep.
 *
 * Layer: role. Memory: none. Thread: any.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"

/* "prometheus, version 3.14.0 (branch: vigie, revision: 0.1.0)" and the lines below it. */
void version_print(Buf *out, Str program, Str version);
