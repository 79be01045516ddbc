#include <arpa/inet.h>
#include <ifaddrs.h>
#include <mpi.h>
#include <stdio.h>
#include <unistd.h>

/* The address of this machine's network, as text. */
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

int main(int argc, char **argv)
{
    int rank, size, length, mine, sum = 0;
    char name[MPI_MAX_PROCESSOR_NAME];
    MPI_Init(&argc, &argv);
    /* OpenMPI 5.0 crashes at times when a message reaches a rank that is still in MPI_Init, under stock slurmctld too. */
    sleep(1);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Get_processor_name(name, &length);
    mine = rank + 1;
    MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    printf("mpi: rank %d of %d on %s at %s, sum %d\n", rank, size, name, address(), sum);
    return MPI_Finalize();
}
