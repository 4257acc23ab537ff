/* SPDX-License-Identifier: GPL-3.0-or-later */
/* USES: weir_config weir_base */
/*
 * Any bytes as a configuration: the first byte chooses YAML or TOML (bit 0)
 * and whether the rest is static, dynamic, or both (bits 1 and 2). What comes
 * out is printed whole, so that every pointer of the model is followed; what
 * is refused must have said why.
 */
#include "config/dump.h"
#include "config/load.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7 loses 2 KiB when a quoted scalar with some twenty doubled quotes has
 * no end. Only here: unit tests would miss what we forget to give back to it. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so\n";
}

static void print_all(const struct model_static *model, const struct model_dynamic *dynamic,
                      const struct diagnostics *diagnostics)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL)
        abort();
    if (model != NULL)
        dump_static(model, out);
    if (dynamic != NULL)
        dump_dynamic(dynamic, out);
    diagnostics_print(diagnostics, out);
    fclose(out);
    free(text);
}

static void check(enum err error, const struct diagnostics *diagnostics)
{
    if (error != ERR_OK && error != ERR_INVALID)
        abort();
    if ((error == ERR_INVALID) != (diagnostics->errors > 0))
        abort();
}

/* Whoever asks for what cannot be served is marked. */
static void check_routers(const struct model_dynamic *dynamic)
{
    for (size_t i = 0; i < dynamic->http_router_count; i++) {
        const struct model_router *router = &dynamic->http_routers[i];
        const struct model_service *service = model_http_service(dynamic, router->service);
        bool sound = service != NULL && service->object.problem.len == 0;
        for (size_t j = 0; j < router->middlewares.count; j++) {
            const struct model_middleware *middleware =
                model_http_middleware(dynamic, router->middlewares.items[j]);
            sound = sound && middleware != NULL && middleware->kind != MIDDLEWARE_UNBUILT;
        }
        if (!sound && router->object.problem.len == 0)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *name = data[0] & 1 ? "fuzz.toml" : "fuzz.yml";
    int parts = data[0] >> 1 & 3;
    struct config_text text = {name, span_make(data + 1, size - 1)};
    struct config_text nothing = {"none.yml", SPAN("")};
    struct diagnostics diagnostics;
    struct model_static *model = NULL;
    struct model_dynamic *dynamic = NULL;
    diagnostics_init(&diagnostics);
    enum err error =
        config_parse_static(parts == 1 ? &nothing : &text, &diagnostics, &model);
    check(error, &diagnostics);
    if (error == ERR_OK && parts != 0) {
        error = config_parse_dynamic(model, &text, 1, &diagnostics, &dynamic);
        check(error, &diagnostics);
        if (error == ERR_OK)
            check_routers(dynamic);
    }
    print_all(model, dynamic, &diagnostics);
    model_dynamic_destroy(dynamic);
    model_static_destroy(model);
    diagnostics_finish(&diagnostics);
    return 0;
}
