import Testing

@testable import Torch

@Suite struct ProcessorTests {
    @Test(arguments: [
        ("200000 100000\n", 2.0), ("50000 100000", 0.5), ("max 100000", nil), ("", nil), ("-1 100000", nil),
    ])
    func quotasAreRead(_ text: String, _ expected: Double?) {
        #expect(ProcessorQuota.processors(maximum: text) == expected)
    }

    @Test func groupsAreSearchedUpwards() {
        #expect(ProcessorQuota.groups("0::/a/b\n") == ["/a/b", "/a", ""])
        #expect(ProcessorQuota.groups("0::/\n") == [""])
        #expect(ProcessorQuota.groups("4:cpu:/x\n") == [""])
    }

    @Test func numbersOfThreadsAreBounded() throws {
        let count = Processors.count
        #expect(count >= 1 && (1...count).contains(Processors.usable) && !Processors.allowed.isEmpty)
        #expect(Processors.complaint(threads: count) == nil)
        #expect(Processors.complaint(threads: 0) == "must be at least 1, not 0")
        let complaint = try #require(Processors.complaint(threads: count + 1))
        #expect(
            complaint == "must be at most \(count), the number of this machine's processors, not \(count + 1)"
        )
        let before = Engine.threadCount
        defer { Engine.threadCount = before }
        Engine.threadCount = 100_000
        #expect(Engine.threadCount == count)
    }
}
