@testable import FisherClaims
import FisherStudies
import FisherTraining
import Foundation
import Testing

/// The claims that arithmetic or a measurement decides, in their short form: minutes, where FISHER_CLAIMS is set to
/// `all` or to names.
@Suite struct ExactClaimTests {
    static let chosen: [String] = {
        let words = ProcessInfo.processInfo.environment["FISHER_CLAIMS"]?.split(separator: ",").map(String.init)
        return ClaimRegistry.exact.map(\.name).filter { words?.contains($0) ?? false || words == ["all"] }
    }()

    @Test(.enabled(if: !chosen.isEmpty), arguments: chosen)
    func decides(_ name: String) throws {
        let claim = try #require(ClaimRegistry.claim(named: name))
        let context = ClaimContext(
            form: .short, seeds: [0, 1, 2, 3, 4], runs: RunLibrary(path: "/nonexistent"),
            folder: "/nonexistent", progress: ProgressDisplay(mode: .off))
        let clock = ContinuousClock()
        let start = clock.now
        let finding = try claim.decide(context)
        print("=== \(name): \(finding.verdict.rawValue) (\(clock.now - start))\n\(finding.answer)")
        for case .table(let table) in finding.exhibits {
            print("--- \(table.title)")
            for row in [table.columns] + table.rows { print(row.joined(separator: " | ")) }
        }
        for remark in finding.remarks { print("* \(remark)") }
        #expect(!finding.answer.contains("NaN"))
    }
}
