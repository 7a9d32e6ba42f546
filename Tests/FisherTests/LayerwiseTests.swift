import Foundation
import Testing

@testable import Fisher
@testable import FisherInformation

/// K-FAC, EKFAC and AdaFisher against their definitions in PyTorch, and what every run of them must keep.
@Suite struct LayerwiseTests {
    @Test func allCasesAreHere() { #expect(LayerwiseCase.all.count == 55) }

    /// The largest error of the movement of any parameter, relative to that movement's norm.
    private func error(_ run: LayerwiseCase.Run) throws -> Double {
        var worst = 0.0
        for (name, expected) in run.expected {
            let (first, found) = (try #require(run.first[name]), try #require(run.network.weights[name]))
            let answer = expected.to(dtype: .float64)
            let movement = try (answer - first.to(dtype: .float64)).norm().item()
            let error = try (found.to(dtype: .float64) - answer).norm().item()
            worst = error.isFinite ? max(worst, error / max(movement, 1e-300)) : .infinity
        }
        return worst
    }

    @Test(arguments: LayerwiseCase.all)
    func float64(_ layerwise: LayerwiseCase) throws {
        let run = try layerwise.run()
        for batch in run.batches { #expect(try run.step(on: batch).fallbackCount == 0) }
        let error = try error(run)
        #expect(error <= 1e-9, "\(error)")
    }

    @Test(arguments: LayerwiseCase.all)
    func float32(_ layerwise: LayerwiseCase) throws {
        let run = try layerwise.run(.float32)
        for batch in run.batches { try run.step(on: batch) }
        let error = try error(run)
        #expect(error <= 2e-3, "\(error)")
    }
}
