/* libcamera takes its buffers from /dev/dma_heap/system, which many kernels do not have. Preloaded, this answers for
 * that one device with files in memory, and passes every other call on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEAP "/dev/dma_heap/system"
#define DMA_HEAP_IOCTL_ALLOC 0xC0184800u
#define DMA_BUF_IOCTL_TYPE 'b'

struct allocation {
    uint64_t length;
    uint32_t fd;
    uint32_t fd_flags;
    uint64_t heap_flags;
};

#define OPEN(name)                                                      \
    int name(const char *path, int flags, ...)                          \
    {                                                                   \
        static int (*next)(const char *, int, ...);                     \
        mode_t mode = 0;                                                \
        if (path && strcmp(path, HEAP) == 0)                            \
            return memfd_create("heap", MFD_CLOEXEC);                   \
        if (flags & (O_CREAT | O_TMPFILE)) {                            \
            va_list more;                                               \
            va_start(more, flags);                                      \
            mode = va_arg(more, mode_t);                                \
            va_end(more);                                               \
        }                                                               \
        if (!next)                                                      \
            next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name); \
        return next(path, flags, mode);                                 \
    }

OPEN(open)
OPEN(open64)
OPEN(__open_2)
OPEN(__open64_2)

int ioctl(int fd, unsigned long request, ...)
{
    static int (*next)(int, unsigned long, ...);
    va_list more;
    va_start(more, request);
    void *argument = va_arg(more, void *);
    va_end(more);
    if ((uint32_t)request == DMA_HEAP_IOCTL_ALLOC) {
        struct allocation *wanted = argument;
        int buffer = memfd_create("buffer", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (buffer < 0 || ftruncate(buffer, wanted->length))
            return -1;
        wanted->fd = buffer;
        return 0;
    }
    if (((request >> 8) & 0xff) == DMA_BUF_IOCTL_TYPE)
        return 0; /* cache synchronisation: nothing to do for plain memory */
    if (!next)
        next = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    return next(fd, request, argument);
}
