import Foundation
import TestSupport
import Testing

@testable import Torch

@Suite struct ProcessGroupTests {
    /// Every operation against what it is defined to be.
    @Test(arguments: [2, 3, 4], [DType.float32, .float64, .int64])
    func operationsAreTheirDefinitions(_ size: Int, _ dtype: DType) throws {
        let ranks = try Ranks.run(size) { group in
            let (rank, size) = (group.rank, group.size)
            let own = (0..<(2 * size)).map { Double(10 * rank + $0) }
            func tensor(_ values: [Double]) -> Tensor { Tensor(values).to(dtype: dtype) }
            let (sum, largest, given) = (tensor(own), tensor(own), tensor(own))
            try group.allReduce(sum)
            try group.allReduce(largest, .maximum)
            try group.broadcast(given, from: size - 1)
            let (part, all) = (tensor([0, 0]), tensor([Double](repeating: 0, count: 2 * size * size)))
            try group.reduceScatter(tensor(own), into: part)
            try group.allGather(tensor(own), into: all)
            try group.barrier()
            return try [sum, largest, given, part, all].map { try $0.scalars(as: Double.self) }
        }
        let added = (0..<(2 * size)).map { Double(10 * size * (size - 1) / 2 + size * $0) }
        for (rank, found) in ranks.enumerated() {
            #expect(found[0] == added)
            #expect(found[1] == (0..<(2 * size)).map { Double(10 * (size - 1) + $0) })
            #expect(found[2] == (0..<(2 * size)).map { Double(10 * (size - 1) + $0) })
            #expect(found[3] == Array(added[2 * rank..<2 * rank + 2]))
            #expect(
                found[4] == (0..<size).flatMap { other in (0..<(2 * size)).map { Double(10 * other + $0) } })
        }
    }

    /// All ranks have the same bits, and a repetition has them too.
    @Test(arguments: [2, 3, 4])
    func sumsHaveTheSameBitsEverywhere(_ size: Int) throws {
        func once() throws -> [[UInt32]] {
            try Ranks.run(size) { group in
                let noise = Tensor.normal([1003], using: try RandomGenerator(seed: UInt64(group.rank)))
                try group.allReduce(noise)
                return try noise.scalars(as: Float.self).map(\.bitPattern)
            }
        }
        let first = try once()
        #expect(first.allSatisfy { $0 == first[0] })
        #expect(try once() == first)
    }

    @Test func operationsThatHaveBegunOverlap() throws {
        let sums = try Ranks.run(2) { group in
            let tensors = (0..<20).map { Tensor([Float(group.rank + $0)]) }
            let exchanges = try tensors.map { try group.beginAllReduce($0) }
            for exchange in exchanges { try exchange.wait() }
            return try tensors.map { try $0.item() }
        }
        #expect(sums == [sums[0], sums[0]] && sums[0] == (0..<20).map { Double(2 * $0 + 1) })
    }

    @Test func textsOfAnyLengthAreExchanged() throws {
        let texts = ["", "one", "größer \u{1F600}"]
        let found = try Ranks.run(3) { try $0.texts(texts[$0.rank]) }
        #expect(found == [texts, texts, texts])
    }

    @Test func aMissingProcessIsNamed() throws {
        try TemporaryFolder.with { folder in
            let place = try ProcessPlace(rank: 0, size: 3, meeting: .file(folder + "/meeting"))
            let error = #expect(throws: ProcessGroupError.self) {
                try ProcessGroup(place, timeout: .milliseconds(300))
            }
            #expect(
                error?.description
                    == "rank 0 of 3: the meeting of this machine's processes failed, ranks 1 and 2 do not answer: "
                    + "they have not come within 0.3 s")
        }
    }

    /// The others learn which process has gone, whether it ended or stands still.
    @Test(arguments: [true, false])
    func aProcessThatStopsIsNamed(_ ends: Bool) throws {
        let outcomes = try Ranks.outcomes(3, timeout: ends ? .seconds(60) : .seconds(2)) { group in
            try group.barrier()
            if group.rank == 1 {
                if !ends { Thread.sleep(forTimeInterval: 8) }
                return
            }
            try group.allReduce(Tensor([1.0]), as: "the sum of the gradients")
        }
        for rank in [0, 2] {
            guard case .failure(let error as ProcessGroupError) = outcomes[rank] else {
                Issue.record("rank \(rank) has not failed")
                continue
            }
            #expect(error.absent == [1] && error.operation == "the sum of the gradients", "\(error)")
            #expect(
                error.description.hasPrefix(
                    "rank \(rank) of 3: the sum of the gradients failed, rank 1 does not answer: "))
        }
    }

    @Test func anotherVersionIsNamed() throws {
        let outcomes = try Ranks.outcomes(2, identity: { $0 == 0 ? "1.0" : "1.1" }) { _ in }
        let texts = outcomes.map { outcome in
            guard case .failure(let error) = outcome else { return "" }
            return "\(error)"
        }
        #expect(texts[0].hasSuffix("version is 1.0 here and 1.1 on rank 1"))
        #expect(texts[1].hasSuffix("version is 1.1 here and 1.0 on rank 0"))
    }

    /// The process that keeps the store does not end before all have read from it what differs.
    @Test func anotherVersionIsNamedByAllAtAPort() throws {
        for _ in 0..<3 {
            let outcomes = try Ranks.outcomes(
                4, port: try Ranks.freePort(), identity: { $0 == 3 ? "1.1" : "1.0" }
            ) { _ in }
            for (rank, outcome) in outcomes.enumerated() {
                let error = #expect(throws: ProcessGroupError.self) { try outcome.get() }
                let difference = rank == 3 ? "1.1 here and 1.0 on rank 0" : "1.0 here and 1.1 on rank 3"
                #expect(error?.reason == "version is \(difference)")
            }
        }
    }
}

@Suite struct ProcessPlaceTests {
    private static let torchrun = [
        "RANK": "1", "WORLD_SIZE": "4", "MASTER_ADDR": "node1", "MASTER_PORT": "29500",
    ]

    @Test func launchersAreRead() throws {
        func place(_ environment: [String: String]) throws -> ProcessPlace? {
            try ProcessPlace.given(by: environment)
        }
        let port = ProcessPlace.Meeting.port(host: "node1", port: 29500, launcherServes: false)
        #expect(try place([:]) == nil)
        #expect(try place(["RANK": "0", "WORLD_SIZE": "1"]) == nil)
        #expect(try place(Self.torchrun) == ProcessPlace(rank: 1, size: 4, meeting: port))
        #expect(
            try place(Self.torchrun.merging(["TORCHELASTIC_USE_AGENT_STORE": "True"]) { $1 })?.meeting
                == .port(host: "node1", port: 29500, launcherServes: true))
        let address = ["MASTER_ADDR": "node1", "MASTER_PORT": "29500"]
        for (rank, size) in [("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"), ("PMI_RANK", "PMI_SIZE")] {
            #expect(
                try place(address.merging([rank: "2", size: "3"]) { $1 })
                    == ProcessPlace(rank: 2, size: 3, meeting: port))
        }
        let slurm = ["SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "2", "SLURM_JOB_ID": "70123"]
        #expect(
            try place(slurm.merging(["SLURM_STEP_NODELIST": "gpu[07-09]"]) { $1 })
                == ProcessPlace(
                    rank: 0, size: 2, meeting: .port(host: "gpu07", port: 15_123, launcherServes: false)))
        // A batch script is told the job's size too, and is no task of a step.
        #expect(try place(["SLURM_PROCID": "0", "SLURM_NTASKS": "4"]) == nil)
    }

    @Test(arguments: [
        ("RANK", "WORLD_SIZE is set and RANK is not: a launcher sets both"),
        ("MASTER_PORT", "WORLD_SIZE is set and MASTER_PORT is not: a launcher sets both"),
        (
            "MASTER_ADDR",
            "WORLD_SIZE is 4 and MASTER_ADDR is not set: name the host of rank 0, at which the processes meet"
        ),
    ])
    func whatIsMissingIsNamed(_ name: String, _ sentence: String) {
        var environment = Self.torchrun
        environment[name] = nil
        let error = #expect(throws: ProcessGroupError.self) { try ProcessPlace.given(by: environment) }
        #expect(error?.description == sentence)
    }

    @Test(arguments: [
        ("RANK", "4", "there is no rank 4 of 4 processes"), ("RANK", "x", "RANK is 'x', which is no number"),
        ("MASTER_PORT", "70000", "70000 is no port, which is a number from 1 to 65535"),
        ("MASTER_ADDR", "", "the host at which processes meet has no name"),
    ])
    func badValuesAreNamed(_ name: String, _ value: String, _ sentence: String) {
        let environment = Self.torchrun.merging([name: value]) { $1 }
        let error = #expect(throws: ProcessGroupError.self) { try ProcessPlace.given(by: environment) }
        #expect(error?.description == sentence)
    }

    @Test(arguments: [
        ("node07", "node07"), ("a,b", "a"), ("gpu[07-09,12],other", "gpu07"), ("r[1]n2", "r1n2"), ("x[", nil),
        ("", nil),
    ])
    func theFirstHostOfAList(_ list: String, _ host: String?) {
        #expect(ProcessPlace.firstHost(of: list) == host)
    }
}
