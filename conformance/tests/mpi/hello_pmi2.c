#include <arpa/inet.h>
#include <ifaddrs.h>
#include <slurm/pmi2.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *address(void)
{
    static char text[INET_ADDRSTRLEN] = "none";
    struct ifaddrs *all, *one;
    if (getifaddrs(&all))
        return text;
    for (one = all; one; one = one->ifa_next)
        if (one->ifa_addr && one->ifa_addr->sa_family == AF_INET && one->ifa_name[0] == 'e')
            inet_ntop(AF_INET, &((struct sockaddr_in *) one->ifa_addr)->sin_addr, text, sizeof(text));
    freeifaddrs(all);
    return text;
}

int main(void)
{
    int spawned, size, rank, appnum, other, length, seen = 0;
    char job[PMI2_MAX_VALLEN], key[64], name[256];
    if (PMI2_Init(&spawned, &size, &rank, &appnum) || PMI2_Job_GetId(job, sizeof(job)))
        return 1;
    snprintf(key, sizeof(key), "address-%d", rank);
    PMI2_KVS_Put(key, address());
    PMI2_KVS_Fence();
    for (other = 0; other < size; other++) {
        char value[PMI2_MAX_VALLEN] = "";
        snprintf(key, sizeof(key), "address-%d", other);
        if (!PMI2_KVS_Get(job, PMI2_ID_NULL, key, value, sizeof(value), &length) &&
            (other == rank) == !strcmp(value, address()))
            seen++;
    }
    gethostname(name, sizeof(name));
    printf("pmi2: rank %d of %d on %s at %s, %d addresses\n", rank, size, name, address(), seen);
    fflush(stdout);
    return PMI2_Finalize();
}
