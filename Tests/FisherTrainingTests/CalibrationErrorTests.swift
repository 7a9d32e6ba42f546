import Fisher
import FisherStudies
import Foundation
import Testing

/// The expected calibration error, against sums that are written out.
@Suite struct CalibrationErrorTests {
    @Test func binsAreWeightedByTheirCounts() {
        // Two bins: (0, 0.5] with 0.4, 0.5 (one right), (0.5, 1] with 0.6, 0.9, 1 (two right).
        let found = CalibrationError.expected(
            confidences: [0.4, 0.6, 0.5, 0.9, 1], hits: [false, true, true, true, false], bins: 2)
        let expected = 2.0 / 5 * abs(0.5 - 0.45) + 3.0 / 5 * abs(2.0 / 3 - 2.5 / 3)
        #expect(abs(found - expected) < 1e-12)
    }

    /// Certain and right is 0, certain and wrong is 1; the ends of the scale fall into a bin.
    @Test(arguments: [1, 7, 15])
    func theEndsOfTheScale(bins: Int) {
        #expect(CalibrationError.expected(confidences: [1, 1], hits: [true, true], bins: bins) == 0)
        #expect(CalibrationError.expected(confidences: [1, 1], hits: [false, false], bins: bins) == 1)
        #expect(CalibrationError.expected(confidences: [0, 0], hits: [false, false], bins: bins) == 0)
        #expect(CalibrationError.expected(confidences: [], hits: [], bins: bins) == 0)
    }

    /// Hits drawn with the confidence as their probability are calibrated up to the noise of the bins; hits that are more
    /// frequent by 0.2 are not.
    @Test func drawnHitsAreCalibrated() {
        var generator = SplitMix64(seed: 3)
        let confidences = (0..<20_000).map { _ in Double.random(in: 0.2...0.8, using: &generator) }
        func error(shift: Double) -> Double {
            CalibrationError.expected(
                confidences: confidences,
                hits: confidences.map { Double.random(in: 0..<1, using: &generator) < $0 + shift })
        }
        // The mean of about ten bins of 2,000: 0.8 sqrt(p (1 - p) / 2000) is below 0.01.
        #expect(error(shift: 0) < 0.02)
        #expect(abs(error(shift: 0.2) - 0.2) < 0.02)
    }
}
