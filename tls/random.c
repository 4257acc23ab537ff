/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A refill runs ChaCha20 under the current key: the first 32 bytes of the key stream become the
 * next key, the rest is the stock that callers are served from. Reseeding mixes bytes from
 * getrandom into the key by exclusive or, so a weak source can take nothing away. The state lives
 * in a page of its own, which the kernel wipes in a forked child; wiped reads as not seeded.
 */
#include "tls/random.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#include <wolfssl/wolfcrypt/chacha.h>

#include "tls/wolfssl/random_hook.h"

enum { STOCK_SIZE = 992 };

struct generator {
    uint8_t key[RANDOM_KEY_SIZE];
    uint8_t stock[STOCK_SIZE];
    uint32_t left;    /* bytes of stock not given out, at its end */
    uint32_t seeded;  /* 0 when new, and when the kernel wiped the page */
    uint64_t served;  /* bytes made since the last reseed */
    int64_t deadline; /* CLOCK_MONOTONIC seconds of the next reseed */
};

static _Thread_local struct generator *generator_of_thread;
static pthread_key_t generator_key;
static pthread_once_t generator_once = PTHREAD_ONCE_INIT;
static int generator_key_error;

static void generator_destroy(void *memory)
{
    explicit_bzero(memory, sizeof(struct generator));
    munmap(memory, sizeof(struct generator));
    generator_of_thread = NULL;
}

static void generator_make_key(void)
{
    generator_key_error = pthread_key_create(&generator_key, generator_destroy);
}

static struct generator *generator_create(void)
{
    pthread_once(&generator_once, generator_make_key);
    if (generator_key_error != 0)
        return NULL;
    void *memory = mmap(NULL, sizeof(struct generator), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    if (madvise(memory, sizeof(struct generator), MADV_WIPEONFORK) != 0 ||
        pthread_setspecific(generator_key, memory) != 0) {
        munmap(memory, sizeof(struct generator));
        return NULL;
    }
    madvise(memory, sizeof(struct generator), MADV_DONTDUMP);
    generator_of_thread = memory;
    return memory;
}

static int entropy_read(uint8_t *output, size_t size)
{
    size_t have = 0;
    while (have < size) {
        ssize_t got = getrandom(output + have, size - have, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        have += (size_t)got;
    }
    return 0;
}

static int64_t clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec;
}

static int generator_reseed(struct generator *generator, int64_t now)
{
    uint8_t fresh[RANDOM_KEY_SIZE];
    if (entropy_read(fresh, sizeof(fresh)) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(fresh); i++)
        generator->key[i] ^= fresh[i];
    explicit_bzero(fresh, sizeof(fresh));
    generator->served = 0;
    generator->deadline = now + RANDOM_RESEED_SECONDS;
    generator->seeded = 1;
    return 0;
}

int random_expand(const uint8_t key[RANDOM_KEY_SIZE], uint8_t *output, size_t size)
{
    static const uint8_t nonce[CHACHA_IV_BYTES];
    ChaCha cipher;
    int result = -1;
    memset(output, 0, size);
    if (wc_Chacha_SetKey(&cipher, key, RANDOM_KEY_SIZE) == 0 &&
        wc_Chacha_SetIV(&cipher, nonce, 0) == 0 &&
        wc_Chacha_Process(&cipher, output, output, (word32)size) == 0)
        result = 0;
    explicit_bzero(&cipher, sizeof(cipher));
    return result;
}

static int generator_refill(struct generator *generator)
{
    int64_t now = clock_seconds();
    if (!generator->seeded || generator->served >= RANDOM_RESEED_BYTES ||
        now >= generator->deadline) {
        if (generator_reseed(generator, now) != 0)
            return -1;
    }
    uint8_t next[RANDOM_KEY_SIZE + STOCK_SIZE];
    int result = random_expand(generator->key, next, sizeof(next));
    if (result == 0) {
        memcpy(generator->key, next, RANDOM_KEY_SIZE);
        memcpy(generator->stock, next + RANDOM_KEY_SIZE, STOCK_SIZE);
        generator->left = STOCK_SIZE;
        generator->served += STOCK_SIZE;
    }
    explicit_bzero(next, sizeof(next));
    return result;
}

int weir_random_block(unsigned char *output, unsigned int size)
{
    struct generator *generator = generator_of_thread;
    if (generator == NULL && (generator = generator_create()) == NULL)
        return -1;
    while (size > 0) {
        if (generator->left == 0 && generator_refill(generator) != 0)
            return -1;
        unsigned int part = size < generator->left ? size : generator->left;
        uint8_t *from = generator->stock + STOCK_SIZE - generator->left;
        memcpy(output, from, part);
        explicit_bzero(from, part);
        generator->left -= part;
        output += part;
        size -= part;
    }
    return 0;
}
