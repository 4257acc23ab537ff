/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Drives a fuzz target without libFuzzer, for compilers that have none. It replays every file of
 * the folders it is given, then mutates them in turn, with a fixed seed and a bounded number of
 * runs, so that two runs of one build try the same inputs. It takes libFuzzer's own words:
 *     fuzz_x [-runs=N] [-max_total_time=SECONDS] [-artifact_prefix=PATH] FOLDER…
 * When a sanitizer stops the program, the input at fault is left in <artifact_prefix>crash.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

enum { INPUT_MAX = 1 << 16, INPUTS_MAX = 4096, RUNS_DEFAULT = 2000000, CHANGES_MAX = 4 };

struct input {
    uint8_t *bytes;
    size_t size;
};

static struct input inputs[INPUTS_MAX];
static size_t input_count;
static struct input running; /* what the target is looking at, for the death callback */
static const char *artifact_prefix = "";
static uint64_t random_state = 0x9e3779b97f4a7c15;

static size_t random_below(size_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)((random_state >> 11) % bound);
}

static void save_running(void)
{
    char path[4096];
    snprintf(path, sizeof(path), "%scrash", artifact_prefix);
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return;
    fwrite(running.bytes, 1, running.size, file);
    fclose(file);
    fprintf(stderr, "the input at fault is in %s (%zu bytes)\n", path, running.size);
}

/* Runs the target on a copy that ends at the end of its allocation, so that ASan sees overreads. */
static void run_one(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL)
        abort();
    memcpy(copy, bytes, size);
    running = (struct input){copy, size};
    LLVMFuzzerTestOneInput(copy, size);
    running = (struct input){NULL, 0};
    free(copy);
}

static void input_add(const char *path)
{
    struct stat status;
    if (input_count == INPUTS_MAX || stat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return;
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(INPUT_MAX);
    if (file == NULL || bytes == NULL) {
        perror(path);
        exit(2);
    }
    size_t size = fread(bytes, 1, INPUT_MAX, file);
    fclose(file);
    inputs[input_count++] = (struct input){bytes, size};
}

static int name_is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void folder_add(const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, name_is_visible, alphasort);
    if (count < 0) {
        perror(folder);
        exit(2);
    }
    for (int i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        input_add(path);
        free(entries[i]);
    }
    free(entries);
}

static void change_bytes(struct input *input)
{
    static const uint8_t telling[] = {0x00, 0x01, 0x7f, 0x80, 0xff, '\r', '\n', ' ',
                                      '"',  ':',  '(',  '`',  '%',  '/',  '0',  '-'};
    uint8_t *byte = &input->bytes[random_below(input->size)];
    switch (random_below(3)) {
    case 0:
        *byte ^= (uint8_t)(1u << random_below(8));
        break;
    case 1:
        *byte = telling[random_below(sizeof(telling))];
        break;
    default:
        *byte = (uint8_t)random_below(256);
    }
}

static void remove_range(struct input *input)
{
    size_t from = random_below(input->size);
    size_t length = 1 + random_below(input->size - from);
    memmove(input->bytes + from, input->bytes + from + length, input->size - from - length);
    input->size -= length;
}

/* Puts a piece of another input, or of the same, somewhere into this one. */
static void insert_range(struct input *input)
{
    const struct input *other = &inputs[random_below(input_count)];
    if (other->size == 0)
        return;
    size_t from = random_below(other->size);
    size_t length = 1 + random_below(other->size - from);
    if (length > INPUT_MAX - input->size)
        return;
    size_t at = random_below(input->size + 1);
    memmove(input->bytes + at + length, input->bytes + at, input->size - at);
    memcpy(input->bytes + at, other->bytes + from, length);
    input->size += length;
}

static void run_mutation(const struct input *origin)
{
    static uint8_t room[INPUT_MAX];
    struct input mutant = {room, origin->size};
    memcpy(room, origin->bytes, origin->size);
    for (size_t changes = 1 + random_below(CHANGES_MAX); changes > 0; changes--) {
        size_t kind = random_below(8);
        if (kind == 0 || mutant.size == 0)
            insert_range(&mutant);
        else if (kind == 1)
            remove_range(&mutant);
        else
            change_bytes(&mutant);
    }
    run_one(mutant.bytes, mutant.size);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    long runs = RUNS_DEFAULT;
    double seconds = 1e9;
    for (int i = 1; i < argc; i++) {
        if (sscanf(argv[i], "-runs=%ld", &runs) == 1 ||
            sscanf(argv[i], "-max_total_time=%lf", &seconds) == 1)
            continue;
        if (strncmp(argv[i], "-artifact_prefix=", 17) == 0)
            artifact_prefix = argv[i] + 17;
        else if (argv[i][0] != '-')
            folder_add(argv[i]);
    }
    if (input_count == 0)
        inputs[input_count++] = (struct input){(uint8_t *)calloc(1, 1), 0};
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(save_running);

    double end = seconds_now() + seconds;
    for (size_t i = 0; i < input_count; i++)
        run_one(inputs[i].bytes, inputs[i].size);
    long done = 0;
    while (done < runs && (done % 64 != 0 || seconds_now() < end))
        run_mutation(&inputs[(size_t)done++ % input_count]);

    printf("%zu inputs replayed, %ld mutations\n", input_count, done);
    for (size_t i = 0; i < input_count; i++)
        free(inputs[i].bytes);
    return 0;
}
