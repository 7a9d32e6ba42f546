import Foundation
import FisherClaims
import FisherStudies
import FisherTraining
import Testing

@testable import FisherClaims
@Suite struct TrialTests {
    @Test(arguments: ["geometry", "continuous-time", "boltzmann"]) func show(name: String) throws {
        let claim = try #require(ClaimRegistry.claim(named: name))
        let context = ClaimContext(form: .short, seeds: [1, 2, 3, 4, 5], runs: RunLibrary(path: "/tmp/x"), folder: "/tmp/x", progress: ProgressDisplay())
        let clock = ContinuousClock()
        let before = clock.now
        let f = try claim.decide(context)
        print(name, clock.now - before)
        print(f.verdict, f.answer)
        for c in f.contrasts { print(c) }
        for e in f.exhibits { if case .table(let t) = e { print("##", t.title, t.caption); print(t.columns); for r in t.rows { print(r) } } }
        for r in f.remarks { print("-", r) }
    }
}
