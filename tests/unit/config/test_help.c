/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `weir --help` prints.
 */
#include "fixture.h"

#include "config/help.h"

#include <stdio.h>

static void help_names_commands_and_every_static_key(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    help_print(out);
    fclose(out);
    static const char *const wanted[] = {
        "weir check", "weir version", "--configFile",
        "--entryPoints.<name>.address  (string)\n        Where to listen: "
        "[host]:port[/tcp|/udp].\n",
        "--entryPoints.<name>.transport.respondingTimeouts.readTimeout  (duration)\n        "
        "Longest time to read a whole request, body included; 0: none. Default: 60s.\n",
        "--log.level  (choice)\n        From which level on. Default: ERROR. One of: TRACE, DEBUG, "
        "INFO, WARN, ERROR, FATAL, PANIC.\n",
        "--entryPoints.<name>.http.tls.domains[n].main  (string)\n",
        "--metrics.datadog\n        Send to Datadog. Not supported yet.\n",
        "--weir.limits.clientHelloBytes  (bytes)\n",
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
        if (strstr(text, wanted[i]) == NULL)
            fail_msg("missing: %s", wanted[i]);
    assert_null(strstr(text, "--http.routers"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_names_commands_and_every_static_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
