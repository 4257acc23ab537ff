/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two small YAML texts; only the backend's port is filled in.
 */
#include "core/app/builtin.h"

static const char static_text[] =
    "entryPoints:\n"
    "  web:\n"
    "    address: \":8080\"\n"
    "    http:\n"
    "      redirections:\n"
    "        entryPoint:\n"
    "          to: websecure\n"
    "          scheme: https\n"
    "  websecure:\n"
    "    address: \"[::]:8443\"\n"
    "log:\n"
    "  level: INFO\n";

static const char dynamic_text[] =
    "http:\n"
    "  routers:\n"
    "    demo:\n"
    "      entryPoints: [websecure]\n"
    "      rule: PathPrefix(`/`)\n"
    "      service: demo\n"
    "      tls: {}\n"
    "  services:\n"
    "    demo:\n"
    "      loadBalancer:\n"
    "        servers:\n"
    "          - url: http://127.0.0.1:%u\n";

struct config_text builtin_static(void)
{
    return (struct config_text){"built-in.yml", span_make(static_text, sizeof(static_text) - 1)};
}

struct config_text builtin_dynamic(uint16_t demo_port, char buffer[BUILTIN_DYNAMIC_SIZE])
{
    int len = snprintf(buffer, BUILTIN_DYNAMIC_SIZE, dynamic_text, demo_port);
    return (struct config_text){"built-in-demo.yml", span_make(buffer, (size_t)len)};
}

void builtin_print_hints(FILE *out)
{
    fputs("\nWeir runs on its built-in default: HTTPS on 8443, HTTP on 8080. In another "
          "terminal:\n\n"
          "    curl -k https://localhost:8443/     shows the request as a backend sees it\n"
          "    curl -i http://localhost:8080/      is sent on to HTTPS\n\n"
          "Next, with a Traefik configuration or docs/install/weir.yml to begin with:\n\n"
          "    weir check --configFile=FILE        says what is wrong, if anything\n"
          "    weir --configFile=FILE              serves\n\n"
          "Ctrl-C ends it.\n\n",
          out);
    fflush(out);
}
