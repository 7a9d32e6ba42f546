/// The place of this process among those that compute together, and where they meet.
public struct ProcessPlace: Hashable, Sendable {
    /// Where processes find each other.
    public enum Meeting: Hashable, Sendable {
        /// At a port of a host, where the process of rank 0 answers, or a launcher that does so for it.
        case port(host: String, port: Int, launcherServes: Bool)
        /// In a file that all of them see, on one machine.
        case file(String)
    }

    /// The number of this process, from 0.
    public let rank: Int
    /// The number of processes.
    public let size: Int
    /// Where they meet.
    public let meeting: Meeting

    /// Names a place. Throws for a rank that is not below the size, and for a port that no machine has.
    public init(rank: Int, size: Int, meeting: Meeting) throws(ProcessGroupError) {
        guard size >= 1, size <= 1 << 20, (0..<size).contains(rank) else {
            throw ProcessGroupError("there is no rank \(rank) of \(size) processes")
        }
        if case .port(let host, let port, _) = meeting {
            guard (1...65_535).contains(port) else {
                throw ProcessGroupError("\(port) is no port, which is a number from 1 to 65535")
            }
            guard !host.isEmpty else {
                throw ProcessGroupError("the host at which processes meet has no name")
            }
        }
        (self.rank, self.size, self.meeting) = (rank, size, meeting)
    }

    /// The environment variable with the file in which processes of one machine meet.
    package static let fileVariable = "FISHER_MEETING_FILE"

    /// The place that a launcher gave this process; nil without one.
    ///
    /// Read are, in this order: `RANK` and `WORLD_SIZE` (torchrun, Kubernetes' PyTorchJob); `SLURM_PROCID` and
    /// `SLURM_STEP_NUM_TASKS` (srun; a batch script itself is no task of a step); `OMPI_COMM_WORLD_RANK` and
    /// `OMPI_COMM_WORLD_SIZE` (Open MPI); `PMI_RANK` and `PMI_SIZE` (MPICH). They meet at `MASTER_ADDR` and `MASTER_PORT`.
    /// Under srun these may be missing: then the first host of `SLURM_STEP_NODELIST` serves at a port that follows from
    /// the job's number. Throws where some of the variables are missing, or are no numbers.
    public static func given(by environment: [String: String]) throws(ProcessGroupError) -> ProcessPlace? {
        let launchers = [
            ("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
            ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"), ("PMI_RANK", "PMI_SIZE"),
        ]
        guard let (rankName, sizeName) = launchers.first(where: { environment[$1] != nil }) else {
            return nil
        }
        func number(_ name: String) throws(ProcessGroupError) -> Int {
            guard let text = environment[name] else {
                throw ProcessGroupError("\(sizeName) is set and \(name) is not: a launcher sets both")
            }
            guard let number = Int(text) else {
                throw ProcessGroupError("\(name) is '\(text)', which is no number")
            }
            return number
        }
        let (rank, size) = (try number(rankName), try number(sizeName))
        if size == 1 { return nil }
        if let file = environment[fileVariable] {
            return try ProcessPlace(rank: rank, size: size, meeting: .file(file))
        }
        let isSlurm = rankName == "SLURM_PROCID"
        guard
            let host = environment["MASTER_ADDR"]
                ?? (isSlurm ? environment["SLURM_STEP_NODELIST"].flatMap(firstHost) : nil)
        else {
            throw ProcessGroupError(
                "\(sizeName) is \(size) and MASTER_ADDR is not set: name the host of rank 0, at which the processes meet"
            )
        }
        let port: Int
        if environment["MASTER_PORT"] == nil, isSlurm,
            let job = environment["SLURM_JOB_ID"].flatMap({ Int($0) })
        {
            // Jobs of one machine meet at ports of their own; below those that systems give to clients.
            port = 15_000 + job % 10_000
        } else {
            port = try number("MASTER_PORT")
        }
        return try ProcessPlace(
            rank: rank, size: size,
            meeting: .port(
                host: host, port: port,
                launcherServes: environment["TORCHELASTIC_USE_AGENT_STORE"]?.lowercased() == "true"))
    }

    /// The first host of a list as SLURM writes it: `node[07-09,12],other` begins with `node07`.
    static func firstHost(of list: String) -> String? {
        let cut = list.firstIndex { $0 == "," || $0 == "[" } ?? list.endIndex
        let name = list[..<cut]
        guard cut < list.endIndex, list[cut] == "[" else { return name.isEmpty ? nil : String(name) }
        let number = list[list.index(after: cut)...].prefix { $0.isNumber }
        guard !number.isEmpty, let close = list[cut...].firstIndex(of: "]") else { return nil }
        let rest = list[list.index(after: close)...].prefix { $0 != "," }
        return String(name + number + rest)
    }
}
