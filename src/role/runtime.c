/* Runtime: see runtime.h. Layer: role. Memory: runtime_close. Thread: main. */
#include "role/runtime.h"

bool runtime_open(Runtime *ret, Err *err)
{
    Runtime runtime = {0};
    if (!loops_open(0, &runtime.loops, err) ||
        !pool_open(0, RUNTIME_QUEUE_MAX, "worker", &runtime.pool, err) ||
        !http_client_open(runtime.loops, &runtime.client, err)) {
        runtime_close(&runtime);
        return false;
    }
    *ret = runtime;
    return true;
}

void runtime_close(Runtime *runtime)
{
    if (runtime->client) {
        runtime->client = http_client_close(runtime->client);
    }
    runtime->pool = pool_close(runtime->pool);
    if (runtime->loops) {
        runtime->loops = loops_close(runtime->loops);
    }
}
