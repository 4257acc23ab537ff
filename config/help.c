/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Both texts come from one walk over the tables, which hands each row and its
 * path to a printer. A path writes a free name as <name> and a list as [n].
 */
#include "config/help.h"

#include "config/convert.h"
#include "config/schema.h"

#include <inttypes.h>

#define PATH_SIZE 256
#define DEPTH_MAX 16

struct walk {
    FILE *out;
    enum schema_built built; /* of the row, or of a section above that is not */
    int depth;
    void (*print)(const struct walk *walk, const struct schema_row *row, const char *path);
};

static void walk_rows(struct walk *walk, const struct schema_row *rows, const char *path);

static void walk_row(struct walk *walk, const struct schema_row *row, const char *path)
{
    static const char *const behind[] = {
        [SCHEMA_OBJECTS] = ".<name>",
        [SCHEMA_ARRAY] = "[n]",
        [SCHEMA_STRING_MAP] = ".<name>",
        [SCHEMA_INTEGER_MAP] = ".<name>",
        [SCHEMA_ANY] = "",
    };
    char below[PATH_SIZE];
    const char *suffix = behind[row->type];
    snprintf(below, sizeof(below), "%s%s%s%s", path, path[0] ? "." : "", row->name,
             suffix ? suffix : "");
    enum schema_built above = walk->built;
    if (above == BUILT)
        walk->built = row->built;
    walk->print(walk, row, below);
    if (schema_is_section(row) && walk->depth < DEPTH_MAX) {
        walk->depth++;
        walk_rows(walk, row->rows, below);
        walk->depth--;
    }
    walk->built = above;
}

static void walk_rows(struct walk *walk, const struct schema_row *rows, const char *path)
{
    for (const struct schema_row *row = rows; row->name != NULL; row++)
        walk_row(walk, row, path);
}

/* ---- what a row says ---- */

#define CHOICES_SHOWN 7 /* more would drown the text of --help */

static size_t count_choices(const struct schema_row *row)
{
    size_t n = 0;
    while (row->choices[n].name != NULL)
        n++;
    return n;
}

static void print_choices(const struct schema_row *row, FILE *out)
{
    for (const struct schema_choice *choice = row->choices; choice->name != NULL; choice++)
        fprintf(out, "%s%s", choice == row->choices ? "" : ", ", choice->name);
}

static void format_bound(const struct schema_row *row, int64_t value, char *text)
{
    if (row->type == SCHEMA_DURATION)
        convert_format_duration(value, text);
    else
        snprintf(text, CONVERT_DURATION_SIZE, "%" PRId64, value);
}

static void print_range(const struct schema_row *row, FILE *out)
{
    char least[CONVERT_DURATION_SIZE], most[CONVERT_DURATION_SIZE];
    format_bound(row, row->min, least);
    format_bound(row, row->max, most);
    if (row->max == INT64_MAX)
        fprintf(out, "at least %s", least);
    else
        fprintf(out, "%s to %s", least, most);
}

static bool has_choices(const struct schema_row *row)
{
    return row->choices != NULL &&
           (row->type == SCHEMA_CHOICE || row->type == SCHEMA_CHOICES);
}

/* ---- --help ---- */

static void print_flag(const struct walk *walk, const struct schema_row *row, const char *path)
{
    FILE *out = walk->out;
    if (schema_is_section(row) && !row->allow_empty)
        return;
    fprintf(out, "    --%s", path);
    if (!schema_is_section(row))
        fprintf(out, "  (%s)", row->unit ? row->unit : schema_type_name(row->type));
    fprintf(out, "\n        %s", row->doc);
    if (row->fallback != NULL && !schema_is_section(row))
        fprintf(out, " Default: %s.", row->fallback);
    if (has_choices(row) && count_choices(row) <= CHOICES_SHOWN) {
        fputs(" One of: ", out);
        print_choices(row, out);
        fputc('.', out);
    }
    if (walk->built != BUILT)
        fputs(" Not supported yet.", out);
    fputc('\n', out);
}

void help_print(FILE *out)
{
    fputs("weir: a TLS edge server that reads Traefik's configuration\n"
          "\n"
          "Usage:\n"
          "    weir [--configFile=FILE | FLAGS]        serve\n"
          "    weir check [--configFile=FILE | FLAGS]  validate the configuration: exit 0 or 1\n"
          "    weir version                            print versions\n"
          "    weir --help                             print this\n"
          "\n"
          "The static configuration comes from one source, the first of these that exists:\n"
          "    1. a file: --configFile=FILE, else traefik.toml, .yaml or .yml in /etc/traefik,\n"
          "       $XDG_CONFIG_HOME, $HOME/.config or the current folder\n"
          "    2. flags, as below\n"
          "    3. environment variables: TRAEFIK_ENTRYPOINTS_WEB_ADDRESS=:80 for\n"
          "       --entryPoints.web.address=:80\n"
          "Names match but for case. The dynamic configuration comes from providers.file.\n"
          "\n"
          "Flags:\n"
          "    --configFile  (string)\n"
          "        File of the static configuration.\n",
          out);
    struct walk walk = {.out = out, .print = print_flag};
    walk_rows(&walk, schema_static, "");
}

/* ---- the reference ---- */

static void print_cell(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void print_reference_row(const struct walk *walk, const struct schema_row *row,
                                const char *path)
{
    FILE *out = walk->out;
    fprintf(out, "| `%s` | %s%s%s%s | ", path, schema_type_name(row->type),
            row->unit ? " (" : "", row->unit ? row->unit : "", row->unit ? ")" : "");
    if (row->fallback != NULL && row->fallback[0] != '\0')
        fprintf(out, strchr(row->fallback, '`') ? "`` %s ``" : "`%s`", row->fallback);
    fputs(" | ", out);
    print_cell(out, row->doc);
    if (has_choices(row)) {
        fputs(" One of: ", out);
        print_choices(row, out);
        fputc('.', out);
    }
    if (row->has_range) {
        fputs(" Range: ", out);
        print_range(row, out);
        fputc('.', out);
    }
    if (row->allow_empty)
        fputs(" `{}` switches it on.", out);
    if (row->deprecated)
        fputs(" Deprecated.", out);
    fputs(" | ", out);
    static const char *const supported[] = {
        [BUILT] = "yes", [UNBUILT_WARNS] = "no", [UNBUILT_CLOSES] = "no: fails closed"};
    fputs(supported[walk->built], out);
    fputs(" |\n", out);
}

static void write_part(FILE *out, const struct schema_row *rows)
{
    for (const struct schema_row *row = rows; row->name != NULL; row++) {
        struct walk walk = {.out = out, .print = print_reference_row};
        fprintf(out, "\n### %s\n\n", row->name);
        fputs("| Key | Type | Default | Meaning | Supported |\n|---|---|---|---|---|\n", out);
        walk_row(&walk, row, "");
    }
}

void help_write_reference(FILE *out)
{
    fputs("# Configuration reference\n"
          "\n"
          "This page is generated from the schema tables in `config/schema_*.c` by\n"
          "`weir-reference`; do not edit it. A test fails when it is out of date.\n"
          "\n"
          "Keys match but for case. `<name>` is a name of your choice, `[n]` an item of a list.\n"
          "A duration is a bare number of seconds or text such as `1m30s` or `250ms`. A list of\n"
          "strings may also be written as one string with commas. A value of type *path or PEM*\n"
          "is the path of a file if one of that name exists, else PEM itself. An unknown key at\n"
          "the root of a file is ignored; elsewhere it is an error.\n"
          "\n"
          "*Supported* says what happens when the key is set: `yes`: it has its effect. `no`: a\n"
          "warning names it, and it has no effect. `no: fails closed`: a warning names it, and\n"
          "what uses it answers 503 (TCP: the connection is closed) instead of serving without\n"
          "it.\n"
          "\n"
          "## Static configuration\n"
          "\n"
          "Read once, at start. Every key is also a flag (`--entryPoints.web.address=:80`) and\n"
          "an environment variable (`TRAEFIK_ENTRYPOINTS_WEB_ADDRESS`). A change needs a "
          "restart.\n",
          out);
    write_part(out, schema_static);
    fputs("\n## Dynamic configuration\n"
          "\n"
          "Read by the file provider, and again whenever a file changes. A value that is not\n"
          "allowed takes its router, service or middleware out of service; a value of the wrong\n"
          "type, or an unknown key, refuses the whole change, and what runs stays as it is.\n",
          out);
    write_part(out, schema_dynamic);
}
