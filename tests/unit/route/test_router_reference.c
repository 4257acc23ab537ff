/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random routers against a reference that knows nothing of the router: it
 * evaluates the random expressions themselves, which the router only sees as
 * text, and goes through all of them for the one of the highest priority.
 */
#include "route_help.h"

#define ROUTERS_MAX 24
#define NODES_MAX 512
#define TEXT_MAX 4096

enum kind { HOST, HOST_WILD, HOST_ANY, HOST_REGEX, PATH, PREFIX, METHOD, NOT, AND, OR, KINDS };

struct node {
    enum kind kind;
    const char *argument;
    const struct node *left, *right;
};

static struct node nodes[NODES_MAX];
static size_t node_count;
static uint64_t random_state = 88172645463325252u;

static size_t random_below(size_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)(random_state >> 20) % bound;
}

static const char *const host_names[] = {"a", "b", "a.x", "b.x", "a.b.x", "x"};
static const char *const suffixes[] = {"x", "b.x", "y"};
static const char *const paths[] = {"/", "/p", "/p/q", "/r"};
static const char *const methods[] = {"GET", "POST"};

static const struct node *random_node(size_t depth)
{
    assert_true(node_count < NODES_MAX);
    struct node *node = &nodes[node_count++];
    size_t choice = random_below(depth > 0 ? 20 : 10);
    *node = (struct node){0};
    node->kind = choice < 4 ? HOST : choice == 4 ? HOST_WILD : choice == 5 ? PREFIX
                 : choice == 6 ? PATH : choice == 7 ? METHOD : choice == 8 ? HOST_REGEX
                 : choice == 9 ? HOST_ANY : choice < 12 ? NOT : choice < 16 ? AND : OR;
    if (node->kind == HOST || node->kind == HOST_REGEX)
        node->argument = host_names[random_below(COUNT(host_names))];
    if (node->kind == HOST_WILD)
        node->argument = suffixes[random_below(COUNT(suffixes))];
    if (node->kind == PATH || node->kind == PREFIX)
        node->argument = paths[random_below(COUNT(paths))];
    if (node->kind == METHOD)
        node->argument = methods[random_below(COUNT(methods))];
    if (node->kind >= NOT)
        node->left = random_node(depth - 1);
    if (node->kind >= AND)
        node->right = random_node(depth - 1);
    return node;
}

/* With no more parentheses than Go's precedence needs, but sometimes more. */
static size_t print(const struct node *node, enum kind parent, char *out)
{
    static const char *const fronts[] = {"Host(`", "Host(`*.", "Host(`*", "HostRegexp(`^",
                                         "Path(`", "PathPrefix(`", "Method(`"};
    size_t len = 0;
    bool needed = node->kind >= AND && (parent == NOT || (parent == AND && node->kind == OR));
    bool parentheses = needed || random_below(8) == 0;
    if (parentheses)
        out[len++] = '(';
    if (node->kind < NOT) {
        len += (size_t)sprintf(out + len, "%s%s%s`)", fronts[node->kind],
                               node->argument ? node->argument : "",
                               node->kind == HOST_REGEX ? "$" : "");
    } else if (node->kind == NOT) {
        out[len++] = '!';
        len += print(node->left, NOT, out + len);
    } else {
        len += print(node->left, node->kind, out + len);
        len += (size_t)sprintf(out + len, "%s", node->kind == AND ? " && " : "||");
        len += print(node->right, node->kind, out + len);
    }
    if (parentheses)
        out[len++] = ')';
    out[len] = '\0';
    return len;
}

struct asked {
    const char *host, *path, *method;
};

static bool holds(const struct node *node, const struct asked *asked)
{
    const char *dot = strchr(asked->host, '.');
    switch (node->kind) {
    case HOST:
    case HOST_REGEX:
        return strcmp(asked->host, node->argument) == 0;
    case HOST_WILD:
        return dot != NULL && strcmp(dot + 1, node->argument) == 0;
    case HOST_ANY:
        return true;
    case PATH:
        return strcmp(asked->path, node->argument) == 0;
    case PREFIX:
        return strncmp(asked->path, node->argument, strlen(node->argument)) == 0;
    case METHOD:
        return strcmp(asked->method, node->argument) == 0;
    case NOT:
        return !holds(node->left, asked);
    case AND:
        return holds(node->left, asked) && holds(node->right, asked);
    default:
        return holds(node->left, asked) || holds(node->right, asked);
    }
}

struct world {
    struct model_router routers[ROUTERS_MAX];
    const struct node *rules[ROUTERS_MAX];
    char texts[ROUTERS_MAX][TEXT_MAX];
    char names[ROUTERS_MAX][8];
    size_t count;
};

/* Names that do not go up with the position. */
static void name_routers(struct world *world)
{
    size_t numbers[ROUTERS_MAX];
    for (size_t i = 0; i < world->count; i++) {
        size_t other = random_below(i + 1);
        numbers[i] = numbers[other];
        numbers[other] = i;
    }
    for (size_t i = 0; i < world->count; i++)
        snprintf(world->names[i], sizeof(world->names[i]), "r%02zu", numbers[i]);
}

static void make_world(struct world *world)
{
    static struct span entry_point = {"web", 3};
    node_count = 0;
    world->count = 1 + random_below(ROUTERS_MAX);
    name_routers(world);
    for (size_t i = 0; i < world->count; i++) {
        world->rules[i] = random_node(3);
        size_t len = print(world->rules[i], OR, world->texts[i]);
        world->routers[i] = (struct model_router){
            .object.name = span_cstr(world->names[i]), .entry_points = {&entry_point, 1},
            .rule = span_make(world->texts[i], len), .service = SPAN("s"),
            .priority = random_below(3) == 0 ? (int64_t)random_below(40) - 10 : 0};
    }
}

static ptrdiff_t reference(const struct world *world, const struct asked *asked)
{
    ptrdiff_t best = -1;
    int64_t best_priority = 0;
    for (size_t i = 0; i < world->count; i++) {
        int64_t priority = world->routers[i].priority;
        if (priority == 0)
            priority = (int64_t)world->routers[i].rule.len;
        bool wins = best < 0 || priority > best_priority ||
                    (priority == best_priority && strcmp(world->names[i], world->names[best]) < 0);
        if (wins && holds(world->rules[i], asked)) {
            best = (ptrdiff_t)i;
            best_priority = priority;
        }
    }
    return best;
}

static void compare(const struct world *world, const struct router_table *table,
                    const struct asked *asked)
{
    struct http_request request = {.method_text = span_cstr(asked->method)};
    struct rule_facts facts = {.request = &request, .host = span_cstr(asked->host),
                               .path = span_cstr(asked->path)};
    const struct route *route = router_match(table, &facts);
    ptrdiff_t expected = reference(world, asked);
    ptrdiff_t got = route ? route->model - world->routers : -1;
    if (got != expected)
        fail_msg("%s %s%s: router %td instead of %td: %s / %s", asked->method, asked->host,
                 asked->path, got, expected, got < 0 ? "none" : world->texts[got],
                 expected < 0 ? "none" : world->texts[expected]);
}

static void random_routers_match_as_the_reference_says(void **state)
{
    (void)state;
    static struct world world;
    static const char *const asked_hosts[] = {"a", "b", "a.x", "b.x", "a.b.x", "x", "q", "q.y", ""};
    struct service_table *services = one_service("s");
    size_t matched = 0;
    for (int round = 0; round < 1500; round++) {
        struct router_table *table = NULL;
        make_world(&world);
        assert_err(router_table_create(world.routers, world.count, RULE_HTTP, SPAN("web"), false,
                                       services, NULL, NULL, &table), ERR_OK);
        for (size_t i = 0; i < world.count; i++)
            assert_int_equal(router_table_at(table, i)->problem.len, 0);
        for (size_t i = 0; i < COUNT(asked_hosts) * COUNT(paths) * COUNT(methods); i++) {
            struct asked asked = {asked_hosts[i % COUNT(asked_hosts)],
                                  paths[i / COUNT(asked_hosts) % COUNT(paths)],
                                  methods[i / COUNT(asked_hosts) / COUNT(paths)]};
            compare(&world, table, &asked);
            matched += reference(&world, &asked) >= 0;
        }
        router_table_destroy(table);
    }
    service_table_destroy(services);
    assert_true(matched > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_routers_match_as_the_reference_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
