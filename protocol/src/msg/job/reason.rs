//! Why a job waits, or why it failed.

use std::fmt;

use crate::wire::{DecodeError, Reader, Wire, Writer};

/// The reason of a job: its `state_reason`. `WAIT_*` hold a pending job back, `FAIL_*` ended one.
///
/// The numbers are the same in all releases but for four: 17 was `FrontEndDown` up to 24.11 and is
/// `NvidiaImexChannels` from 25.11 on (25.05 has no 17); 76 and 77 are known to 23.11 alone; 201 and
/// up came with 24.05, and a 23.11 client does not know them. Sources: `slurm.h` of the six
/// releases, and the texts that their squeue prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobReason(pub u32);

macro_rules! reasons {
    ($($name:ident = $number:literal $text:literal,)*) => {
        #[expect(missing_docs, reason = "the names are Slurm's own, the texts say what they mean")]
        impl JobReason {
            $( pub const $name: Self = Self($number); )*

            /// The word that squeue prints, if the reason is a known one.
            pub fn text(self) -> Option<&'static str> {
                match self {
                    $( Self::$name => Some($text), )*
                    _ => None,
                }
            }
        }
    };
}

impl JobReason {
    /// The last number that 23.11 knows.
    pub const LAST_OF_23_11: Self = Self::FAIL_CONSTRAINTS;
}

/// The word that squeue prints.
impl fmt::Display for JobReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().unwrap_or("InvalidReason"))
    }
}

impl Wire for JobReason {
    fn encode(&self, w: &mut Writer) {
        self.0.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u32::decode(r).map(Self)
    }
}

reasons! {
    WAIT_NO_REASON = 0 "None",
    WAIT_PRIORITY = 1 "Priority",
    WAIT_DEPENDENCY = 2 "Dependency",
    WAIT_RESOURCES = 3 "Resources",
    WAIT_PART_NODE_LIMIT = 4 "PartitionNodeLimit",
    WAIT_PART_TIME_LIMIT = 5 "PartitionTimeLimit",
    WAIT_PART_DOWN = 6 "PartitionDown",
    WAIT_PART_INACTIVE = 7 "PartitionInactive",
    WAIT_HELD = 8 "JobHeldAdmin",
    WAIT_TIME = 9 "BeginTime",
    WAIT_LICENSES = 10 "Licenses",
    WAIT_ASSOC_JOB_LIMIT = 11 "AssociationJobLimit",
    WAIT_ASSOC_RESOURCE_LIMIT = 12 "AssociationResourceLimit",
    WAIT_ASSOC_TIME_LIMIT = 13 "AssociationTimeLimit",
    WAIT_RESERVATION = 14 "Reservation",
    WAIT_NODE_NOT_AVAIL = 15 "ReqNodeNotAvail",
    WAIT_HELD_USER = 16 "JobHeldUser",
    WAIT_NVIDIA_IMEX_CHANNELS = 17 "NvidiaImexChannels",
    FAIL_DEFER = 18 "SchedDefer",
    FAIL_DOWN_PARTITION = 19 "PartitionDown",
    FAIL_DOWN_NODE = 20 "NodeDown",
    FAIL_BAD_CONSTRAINTS = 21 "BadConstraints",
    FAIL_SYSTEM = 22 "SystemFailure",
    FAIL_LAUNCH = 23 "JobLaunchFailure",
    FAIL_EXIT_CODE = 24 "NonZeroExitCode",
    FAIL_TIMEOUT = 25 "TimeLimit",
    FAIL_INACTIVE_LIMIT = 26 "InactiveLimit",
    FAIL_ACCOUNT = 27 "InvalidAccount",
    FAIL_QOS = 28 "InvalidQOS",
    WAIT_QOS_THRES = 29 "QOSUsageThreshold",
    WAIT_QOS_JOB_LIMIT = 30 "QOSJobLimit",
    WAIT_QOS_RESOURCE_LIMIT = 31 "QOSResourceLimit",
    WAIT_QOS_TIME_LIMIT = 32 "QOSTimeLimit",
    FAIL_SIGNAL = 33 "RaisedSignal",
    WAIT_CLEANING = 35 "Cleaning",
    WAIT_PROLOG = 36 "Prolog",
    WAIT_QOS = 37 "QOSNotAllowed",
    WAIT_ACCOUNT = 38 "AccountNotAllowed",
    WAIT_DEP_INVALID = 39 "DependencyNeverSatisfied",
    WAIT_QOS_GRP_CPU = 40 "QOSGrpCpuLimit",
    WAIT_QOS_GRP_CPU_MIN = 41 "QOSGrpCPUMinutesLimit",
    WAIT_QOS_GRP_CPU_RUN_MIN = 42 "QOSGrpCPURunMinutesLimit",
    WAIT_QOS_GRP_JOB = 43 "QOSGrpJobsLimit",
    WAIT_QOS_GRP_MEM = 44 "QOSGrpMemLimit",
    WAIT_QOS_GRP_NODE = 45 "QOSGrpNodeLimit",
    WAIT_QOS_GRP_SUB_JOB = 46 "QOSGrpSubmitJobsLimit",
    WAIT_QOS_GRP_WALL = 47 "QOSGrpWallLimit",
    WAIT_QOS_MAX_CPU_PER_JOB = 48 "QOSMaxCpuPerJobLimit",
    WAIT_QOS_MAX_CPU_MINS_PER_JOB = 49 "QOSMaxCpuMinutesPerJobLimit",
    WAIT_QOS_MAX_NODE_PER_JOB = 50 "QOSMaxNodePerJobLimit",
    WAIT_QOS_MAX_WALL_PER_JOB = 51 "QOSMaxWallDurationPerJobLimit",
    WAIT_QOS_MAX_CPU_PER_USER = 52 "QOSMaxCpuPerUserLimit",
    WAIT_QOS_MAX_JOB_PER_USER = 53 "QOSMaxJobsPerUserLimit",
    WAIT_QOS_MAX_NODE_PER_USER = 54 "QOSMaxNodePerUserLimit",
    WAIT_QOS_MAX_SUB_JOB = 55 "QOSMaxSubmitJobPerUserLimit",
    WAIT_QOS_MIN_CPU = 56 "QOSMinCpuNotSatisfied",
    WAIT_ASSOC_GRP_CPU = 57 "AssocGrpCpuLimit",
    WAIT_ASSOC_GRP_CPU_MIN = 58 "AssocGrpCPUMinutesLimit",
    WAIT_ASSOC_GRP_CPU_RUN_MIN = 59 "AssocGrpCPURunMinutesLimit",
    WAIT_ASSOC_GRP_JOB = 60 "AssocGrpJobsLimit",
    WAIT_ASSOC_GRP_MEM = 61 "AssocGrpMemLimit",
    WAIT_ASSOC_GRP_NODE = 62 "AssocGrpNodeLimit",
    WAIT_ASSOC_GRP_SUB_JOB = 63 "AssocGrpSubmitJobsLimit",
    WAIT_ASSOC_GRP_WALL = 64 "AssocGrpWallLimit",
    WAIT_ASSOC_MAX_JOBS = 65 "AssocMaxJobsLimit",
    WAIT_ASSOC_MAX_CPU_PER_JOB = 66 "AssocMaxCpuPerJobLimit",
    WAIT_ASSOC_MAX_CPU_MINS_PER_JOB = 67 "AssocMaxCpuMinutesPerJobLimit",
    WAIT_ASSOC_MAX_NODE_PER_JOB = 68 "AssocMaxNodePerJobLimit",
    WAIT_ASSOC_MAX_WALL_PER_JOB = 69 "AssocMaxWallDurationPerJobLimit",
    WAIT_ASSOC_MAX_SUB_JOB = 70 "AssocMaxSubmitJobLimit",
    WAIT_MAX_REQUEUE = 71 "JobHoldMaxRequeue",
    WAIT_ARRAY_TASK_LIMIT = 72 "JobArrayTaskLimit",
    WAIT_BURST_BUFFER_RESOURCE = 73 "BurstBufferResources",
    WAIT_BURST_BUFFER_STAGING = 74 "BurstBufferStageIn",
    FAIL_BURST_BUFFER_OP = 75 "BurstBufferOperation",
    WAIT_POWER_NOT_AVAIL = 76 "PowerNotAvail",
    WAIT_POWER_RESERVED = 77 "PowerReserved",
    WAIT_ASSOC_GRP_UNK = 78 "AssocGrpUnknown",
    WAIT_ASSOC_GRP_UNK_MIN = 79 "AssocGrpUnknownMinutes",
    WAIT_ASSOC_GRP_UNK_RUN_MIN = 80 "AssocGrpUnknownRunMinutes",
    WAIT_ASSOC_MAX_UNK_PER_JOB = 81 "AssocMaxUnknownPerJob",
    WAIT_ASSOC_MAX_UNK_PER_NODE = 82 "AssocMaxUnknownPerNode",
    WAIT_ASSOC_MAX_UNK_MINS_PER_JOB = 83 "AssocMaxUnknownMinutesPerJob",
    WAIT_ASSOC_MAX_CPU_PER_NODE = 84 "AssocMaxCpuPerNode",
    WAIT_ASSOC_GRP_MEM_MIN = 85 "AssocGrpMemMinutes",
    WAIT_ASSOC_GRP_MEM_RUN_MIN = 86 "AssocGrpMemRunMinutes",
    WAIT_ASSOC_MAX_MEM_PER_JOB = 87 "AssocMaxMemPerJob",
    WAIT_ASSOC_MAX_MEM_PER_NODE = 88 "AssocMaxMemPerNode",
    WAIT_ASSOC_MAX_MEM_MINS_PER_JOB = 89 "AssocMaxMemMinutesPerJob",
    WAIT_ASSOC_GRP_NODE_MIN = 90 "AssocGrpNodeMinutes",
    WAIT_ASSOC_GRP_NODE_RUN_MIN = 91 "AssocGrpNodeRunMinutes",
    WAIT_ASSOC_MAX_NODE_MINS_PER_JOB = 92 "AssocMaxNodeMinutesPerJob",
    WAIT_ASSOC_GRP_ENERGY = 93 "AssocGrpEnergy",
    WAIT_ASSOC_GRP_ENERGY_MIN = 94 "AssocGrpEnergyMinutes",
    WAIT_ASSOC_GRP_ENERGY_RUN_MIN = 95 "AssocGrpEnergyRunMinutes",
    WAIT_ASSOC_MAX_ENERGY_PER_JOB = 96 "AssocMaxEnergyPerJob",
    WAIT_ASSOC_MAX_ENERGY_PER_NODE = 97 "AssocMaxEnergyPerNode",
    WAIT_ASSOC_MAX_ENERGY_MINS_PER_JOB = 98 "AssocMaxEnergyMinutesPerJob",
    WAIT_ASSOC_GRP_GRES = 99 "AssocGrpGRES",
    WAIT_ASSOC_GRP_GRES_MIN = 100 "AssocGrpGRESMinutes",
    WAIT_ASSOC_GRP_GRES_RUN_MIN = 101 "AssocGrpGRESRunMinutes",
    WAIT_ASSOC_MAX_GRES_PER_JOB = 102 "AssocMaxGRESPerJob",
    WAIT_ASSOC_MAX_GRES_PER_NODE = 103 "AssocMaxGRESPerNode",
    WAIT_ASSOC_MAX_GRES_MINS_PER_JOB = 104 "AssocMaxGRESMinutesPerJob",
    WAIT_ASSOC_GRP_LIC = 105 "AssocGrpLicense",
    WAIT_ASSOC_GRP_LIC_MIN = 106 "AssocGrpLicenseMinutes",
    WAIT_ASSOC_GRP_LIC_RUN_MIN = 107 "AssocGrpLicenseRunMinutes",
    WAIT_ASSOC_MAX_LIC_PER_JOB = 108 "AssocMaxLicensePerJob",
    WAIT_ASSOC_MAX_LIC_MINS_PER_JOB = 109 "AssocMaxLicenseMinutesPerJob",
    WAIT_ASSOC_GRP_BB = 110 "AssocGrpBB",
    WAIT_ASSOC_GRP_BB_MIN = 111 "AssocGrpBBMinutes",
    WAIT_ASSOC_GRP_BB_RUN_MIN = 112 "AssocGrpBBRunMinutes",
    WAIT_ASSOC_MAX_BB_PER_JOB = 113 "AssocMaxBBPerJob",
    WAIT_ASSOC_MAX_BB_PER_NODE = 114 "AssocMaxBBPerNode",
    WAIT_ASSOC_MAX_BB_MINS_PER_JOB = 115 "AssocMaxBBMinutesPerJob",
    WAIT_QOS_GRP_UNK = 116 "QOSGrpUnknown",
    WAIT_QOS_GRP_UNK_MIN = 117 "QOSGrpUnknownMinutes",
    WAIT_QOS_GRP_UNK_RUN_MIN = 118 "QOSGrpUnknownRunMinutes",
    WAIT_QOS_MAX_UNK_PER_JOB = 119 "QOSMaxUnknownPerJob",
    WAIT_QOS_MAX_UNK_PER_NODE = 120 "QOSMaxUnknownPerNode",
    WAIT_QOS_MAX_UNK_PER_USER = 121 "QOSMaxUnknownPerUser",
    WAIT_QOS_MAX_UNK_MINS_PER_JOB = 122 "QOSMaxUnknownMinutesPerJob",
    WAIT_QOS_MIN_UNK = 123 "QOSMinUnknown",
    WAIT_QOS_MAX_CPU_PER_NODE = 124 "QOSMaxCpuPerNode",
    WAIT_QOS_GRP_MEM_MIN = 125 "QOSGrpMemoryMinutes",
    WAIT_QOS_GRP_MEM_RUN_MIN = 126 "QOSGrpMemoryRunMinutes",
    WAIT_QOS_MAX_MEM_MINS_PER_JOB = 127 "QOSMaxMemoryMinutesPerJob",
    WAIT_QOS_MAX_MEM_PER_JOB = 128 "QOSMaxMemoryPerJob",
    WAIT_QOS_MAX_MEM_PER_NODE = 129 "QOSMaxMemoryPerNode",
    WAIT_QOS_MAX_MEM_PER_USER = 130 "QOSMaxMemoryPerUser",
    WAIT_QOS_MIN_MEM = 131 "QOSMinMemory",
    WAIT_QOS_GRP_ENERGY = 132 "QOSGrpEnergy",
    WAIT_QOS_GRP_ENERGY_MIN = 133 "QOSGrpEnergyMinutes",
    WAIT_QOS_GRP_ENERGY_RUN_MIN = 134 "QOSGrpEnergyRunMinutes",
    WAIT_QOS_MAX_ENERGY_PER_JOB = 135 "QOSMaxEnergyPerJob",
    WAIT_QOS_MAX_ENERGY_PER_NODE = 136 "QOSMaxEnergyPerNode",
    WAIT_QOS_MAX_ENERGY_PER_USER = 137 "QOSMaxEnergyPerUser",
    WAIT_QOS_MAX_ENERGY_MINS_PER_JOB = 138 "QOSMaxEnergyMinutesPerJob",
    WAIT_QOS_MIN_ENERGY = 139 "QOSMinEnergy",
    WAIT_QOS_GRP_NODE_MIN = 140 "QOSGrpNodeMinutes",
    WAIT_QOS_GRP_NODE_RUN_MIN = 141 "QOSGrpNodeRunMinutes",
    WAIT_QOS_MAX_NODE_MINS_PER_JOB = 142 "QOSMaxNodeMinutesPerJob",
    WAIT_QOS_MIN_NODE = 143 "QOSMinNode",
    WAIT_QOS_GRP_GRES = 144 "QOSGrpGRES",
    WAIT_QOS_GRP_GRES_MIN = 145 "QOSGrpGRESMinutes",
    WAIT_QOS_GRP_GRES_RUN_MIN = 146 "QOSGrpGRESRunMinutes",
    WAIT_QOS_MAX_GRES_PER_JOB = 147 "QOSMaxGRESPerJob",
    WAIT_QOS_MAX_GRES_PER_NODE = 148 "QOSMaxGRESPerNode",
    WAIT_QOS_MAX_GRES_PER_USER = 149 "QOSMaxGRESPerUser",
    WAIT_QOS_MAX_GRES_MINS_PER_JOB = 150 "QOSMaxGRESMinutesPerJob",
    WAIT_QOS_MIN_GRES = 151 "QOSMinGRES",
    WAIT_QOS_GRP_LIC = 152 "QOSGrpLicense",
    WAIT_QOS_GRP_LIC_MIN = 153 "QOSGrpLicenseMinutes",
    WAIT_QOS_GRP_LIC_RUN_MIN = 154 "QOSGrpLicenseRunMinutes",
    WAIT_QOS_MAX_LIC_PER_JOB = 155 "QOSMaxLicensePerJob",
    WAIT_QOS_MAX_LIC_PER_USER = 156 "QOSMaxLicensePerUser",
    WAIT_QOS_MAX_LIC_MINS_PER_JOB = 157 "QOSMaxLicenseMinutesPerJob",
    WAIT_QOS_MIN_LIC = 158 "QOSMinLicense",
    WAIT_QOS_GRP_BB = 159 "QOSGrpBB",
    WAIT_QOS_GRP_BB_MIN = 160 "QOSGrpBBMinutes",
    WAIT_QOS_GRP_BB_RUN_MIN = 161 "QOSGrpBBRunMinutes",
    WAIT_QOS_MAX_BB_PER_JOB = 162 "QOSMaxBBPerJob",
    WAIT_QOS_MAX_BB_PER_NODE = 163 "QOSMaxBBPerNode",
    WAIT_QOS_MAX_BB_PER_USER = 164 "QOSMaxBBPerUser",
    WAIT_QOS_MAX_BB_MINS_PER_JOB = 165 "AssocMaxBBMinutesPerJob",
    WAIT_QOS_MIN_BB = 166 "QOSMinBB",
    FAIL_DEADLINE = 167 "DeadLine",
    WAIT_QOS_MAX_BB_PER_ACCT = 168 "MaxBBPerAccount",
    WAIT_QOS_MAX_CPU_PER_ACCT = 169 "MaxCpuPerAccount",
    WAIT_QOS_MAX_ENERGY_PER_ACCT = 170 "MaxEnergyPerAccount",
    WAIT_QOS_MAX_GRES_PER_ACCT = 171 "MaxGRESPerAccount",
    WAIT_QOS_MAX_NODE_PER_ACCT = 172 "MaxNodePerAccount",
    WAIT_QOS_MAX_LIC_PER_ACCT = 173 "MaxLicensePerAccount",
    WAIT_QOS_MAX_MEM_PER_ACCT = 174 "MaxMemoryPerAccount",
    WAIT_QOS_MAX_UNK_PER_ACCT = 175 "MaxUnknownPerAccount",
    WAIT_QOS_MAX_JOB_PER_ACCT = 176 "MaxJobsPerAccount",
    WAIT_QOS_MAX_SUB_JOB_PER_ACCT = 177 "MaxSubmitJobsPerAccount",
    WAIT_PART_CONFIG = 178 "PartitionConfig",
    WAIT_ACCOUNT_POLICY = 179 "AccountingPolicy",
    WAIT_FED_JOB_LOCK = 180 "FedJobLock",
    FAIL_OOM = 181 "OutOfMemory",
    WAIT_PN_MEM_LIMIT = 182 "MaxMemPerLimit",
    WAIT_ASSOC_GRP_BILLING = 183 "AssocGrpBilling",
    WAIT_ASSOC_GRP_BILLING_MIN = 184 "AssocGrpBillingMinutes",
    WAIT_ASSOC_GRP_BILLING_RUN_MIN = 185 "AssocGrpBillingRunMinutes",
    WAIT_ASSOC_MAX_BILLING_PER_JOB = 186 "AssocMaxBillingPerJob",
    WAIT_ASSOC_MAX_BILLING_PER_NODE = 187 "AssocMaxBillingPerNode",
    WAIT_ASSOC_MAX_BILLING_MINS_PER_JOB = 188 "AssocMaxBillingMinutesPerJob",
    WAIT_QOS_GRP_BILLING = 189 "QOSGrpBilling",
    WAIT_QOS_GRP_BILLING_MIN = 190 "QOSGrpBillingMinutes",
    WAIT_QOS_GRP_BILLING_RUN_MIN = 191 "QOSGrpBillingRunMinutes",
    WAIT_QOS_MAX_BILLING_PER_JOB = 192 "QOSMaxBillingPerJob",
    WAIT_QOS_MAX_BILLING_PER_NODE = 193 "QOSMaxBillingPerNode",
    WAIT_QOS_MAX_BILLING_PER_USER = 194 "QOSMaxBillingPerUser",
    WAIT_QOS_MAX_BILLING_MINS_PER_JOB = 195 "QOSMaxBillingMinutesPerJob",
    WAIT_QOS_MAX_BILLING_PER_ACCT = 196 "MaxBillingPerAccount",
    WAIT_QOS_MIN_BILLING = 197 "QOSMinBilling",
    WAIT_RESV_DELETED = 198 "ReservationDeleted",
    WAIT_RESV_INVALID = 199 "ReservationInvalid",
    FAIL_CONSTRAINTS = 200 "Constraints",
    WAIT_QOS_MAX_BB_RUN_MINS_PER_ACCT = 201 "MaxBBRunMinsPerAccount",
    WAIT_QOS_MAX_BILLING_RUN_MINS_PER_ACCT = 202 "MaxBillingRunMinsPerAccount",
    WAIT_QOS_MAX_CPU_RUN_MINS_PER_ACCT = 203 "MaxCpuRunMinsPerAccount",
    WAIT_QOS_MAX_ENERGY_RUN_MINS_PER_ACCT = 204 "MaxEnergyRunMinsPerAccount",
    WAIT_QOS_MAX_GRES_RUN_MINS_PER_ACCT = 205 "MaxGRESRunMinsPerAccount",
    WAIT_QOS_MAX_NODE_RUN_MINS_PER_ACCT = 206 "MaxNodeRunMinsPerAccount",
    WAIT_QOS_MAX_LIC_RUN_MINS_PER_ACCT = 207 "MaxLicenseRunMinsPerAccount",
    WAIT_QOS_MAX_MEM_RUN_MINS_PER_ACCT = 208 "MaxMemoryRunMinsPerAccount",
    WAIT_QOS_MAX_UNK_RUN_MINS_PER_ACCT = 209 "MaxUnknownRunMinsPerAccount",
    WAIT_QOS_MAX_BB_RUN_MINS_PER_USER = 210 "MaxBBRunMinsPerUser",
    WAIT_QOS_MAX_BILLING_RUN_MINS_PER_USER = 211 "MaxBillingRunMinsPerUser",
    WAIT_QOS_MAX_CPU_RUN_MINS_PER_USER = 212 "MaxCpuRunMinsPerUser",
    WAIT_QOS_MAX_ENERGY_RUN_MINS_PER_USER = 213 "MaxEnergyRunMinsPerUser",
    WAIT_QOS_MAX_GRES_RUN_MINS_PER_USER = 214 "MaxGRESRunMinsPerUser",
    WAIT_QOS_MAX_NODE_RUN_MINS_PER_USER = 215 "MaxNodeRunMinsPerUser",
    WAIT_QOS_MAX_LIC_RUN_MINS_PER_USER = 216 "MaxLicenseRunMinsPerUser",
    WAIT_QOS_MAX_MEM_RUN_MINS_PER_USER = 217 "MaxMemoryRunMinsPerUser",
    WAIT_QOS_MAX_UNK_RUN_MINS_PER_USER = 218 "MaxUnknownRunMinsPerUser",
    WAIT_MAX_POWERED_NODES = 219 "MaxPoweredUpNodes",
    WAIT_MPI_PORTS_BUSY = 220 "MpiPortsBusy",
}

#[cfg(test)]
mod tests {
    use super::JobReason;

    #[test]
    fn squeue_words() {
        assert_eq!(JobReason::default().to_string(), "None");
        assert_eq!(JobReason(8).to_string(), "JobHeldAdmin");
        assert_eq!(JobReason::WAIT_ASSOC_GRP_JOB.to_string(), "AssocGrpJobsLimit");
        assert_eq!(JobReason(34).text(), None);
    }
}
