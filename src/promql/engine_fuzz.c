/* Fuzzer of promql/engine.h. Oracles: those of fixture_check_query. */
#include "promql/engine.h"

#include "promql/engine_fixture.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum {
    TEXT_MAX = 2000, /* bytes of query */
};

static Engine *engine;
static ArraySource *store;

static void open_once(void)
{
    if (!engine) {
        Random random;
        random_seed(&random, 11);
        store = fixture_store(&random, 2);
        engine = engine_new(&(EngineOpts){
            .samples_max = 20000,
            .memory_max = 4 * MIB,
            .timeout_ms = 5000,
            .features = FEATURE_EXPERIMENTAL_FUNCTIONS | FEATURE_EXTENDED_SELECTORS |
                        FEATURE_FILL_MODIFIERS | FEATURE_START_TIMESTAMPS |
                        FEATURE_DELAYED_NAME_REMOVAL,
        });
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    open_once();
    if (size <= TEXT_MAX) {
        (void)fixture_check_query(engine, array_source(store),
                                  (Str){.ptr = (const char *)data, .len = size});
    }
    return 0;
}
