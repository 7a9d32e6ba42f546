import Foundation
import Testing

@testable import FisherReports
@testable import FisherStudies

@Suite("The geometry of charts")
struct ChartGeometryTests {
    @Test(
        "Ticks are round, evenly spaced, within the axis and about as many as wished for",
        arguments: [
            (0.0, 400.0), (2.18, 3.02), (-0.2, 0.25), (2.2031, 2.2034), (0, 1e7), (1e-9, 4e-9), (0, 51.3),
        ]
    )
    func ticks(low: Double, high: Double) {
        let ticks = AxisScale(low...high, from: 0, to: 100).ticks(count: 6)
        #expect((3...8).contains(ticks.count))
        #expect(ticks.allSatisfy { $0.value >= low - 1e-9 * abs(low) && $0.value <= high * (1 + 1e-9) })
        let texts = ticks.map(\.text)
        #expect(Set(texts).count == texts.count)
        for tick in ticks {
            let read = tick.text.replacing(",", with: "").replacing("\u{2212}", with: "-")
            #expect(abs((Double(read) ?? .nan) - tick.value) <= 1e-6 * (high - low))
        }
    }

    @Test("Steps have whole ticks")
    func wholeTicks() {
        let ticks = AxisScale(0...3, from: 0, to: 100).ticks(count: 8, whole: true)
        #expect(ticks.map(\.text) == ["0", "1", "2", "3"])
    }

    @Test("A scale without extent does not divide by zero")
    func degenerate() {
        let scale = AxisScale(2...2, from: 0, to: 100)
        #expect(scale.position(2) == 50)
        #expect(scale.ticks(count: 5).count <= 1)
    }

    @Test("Labels never overlap and keep their order and their bounds")
    func labels() {
        var state: UInt64 = 7
        func random() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 11) / Double(1 << 53)
        }
        for count in 1...12 {
            let wishes = (0..<count).map { _ in
                (center: 300 * random() * random(), height: 10 + 12 * random())
            }
            let centers = LabelPlacement.spread(wishes, within: 0...300)
            let order = wishes.indices.sorted { centers[$0] < centers[$1] }
            for (upper, lower) in zip(order, order.dropFirst()) {
                let gap = (wishes[upper].height + wishes[lower].height) / 2
                #expect(centers[lower] - centers[upper] >= gap - 1e-9)
                #expect(wishes[upper].center <= wishes[lower].center)
            }
            for index in order {
                #expect(centers[index] - wishes[index].height / 2 >= -1e-9)
                #expect(centers[index] + wishes[index].height / 2 <= 300 + 1e-9)
            }
        }
    }

    @Test("A label with room around it stays where it belongs")
    func undisturbedLabels() {
        #expect(LabelPlacement.spread([(20, 10), (50, 10)], within: 0...100) == [20, 50])
        #expect(LabelPlacement.spread([(20, 10), (20, 10)], within: 0...100) == [15, 25])
        #expect(LabelPlacement.spread([], within: 0...100) == [])
    }

    @Test("Curves are means over completed runs with their extremes; others are drawn apart")
    func curves() {
        let curve = LossCurve(ComparisonFixture.entry("a", [2, 3]), index: 0, .validation, against: .step)
        #expect(curve.points.map(\.x) == (0...10).map { Double($0 * 10) })
        #expect(curve.points.last == LossCurve.Point(x: 100, mean: 2.5, low: 2, high: 3))
        let mixed = LossCurve(ComparisonFixture.typical.entries[2], index: 2, .validation, against: .seconds)
        #expect(mixed.runCount == 1)
        #expect(mixed.points.last?.x == 15)
        #expect(mixed.strays.map(\.hasDiverged) == [true])
        #expect(mixed.strays[0].points.count == 10)
    }

    @Test("Long curves are thinned, and keep their ends and extremes")
    func thinning() {
        var run = ComparisonFixture.run(seed: 0, loss: 2, points: 10_001)
        run.curve[5_000].validationLoss = 9
        let entry = OptimizerEntry(label: "a", rule: "a", options: [], runs: [run])
        let curve = LossCurve(entry, index: 0, .validation, against: .step)
        #expect(curve.points.count <= 302)
        #expect(curve.points.first?.mean == 5.5)
        #expect(curve.points.last?.mean == 2)
        #expect(curve.points.map(\.high).max() == 9)
        #expect(zip(curve.points, curve.points.dropFirst()).allSatisfy { $0.x < $1.x })
    }

    private func range(_ entries: [OptimizerEntry]) -> ClosedRange<Double>? {
        LossRange.interesting(
            entries.enumerated().map { LossCurve($1, index: $0, .validation, against: .step) })
    }

    @Test("Neither the first steps nor an optimizer far off nor a diverged run flatten the rest")
    func verticalRange() throws {
        let good = [2.20, 2.22, 2.25].map { ComparisonFixture.entry("good", [$0]) }
        let plain = try #require(range(good))
        #expect(plain.lowerBound < 2.2 && plain.lowerBound > 1.9)
        #expect(plain.upperBound < 5)
        let bad = OptimizerEntry(
            label: "bad", rule: "bad", options: [],
            runs: [ComparisonFixture.run(seed: 0, loss: 500, start: 600)]
        )
        let with = try #require(range(good + [bad]))
        #expect(with.upperBound < 2.2 + 2.2 * (plain.upperBound - 2.2))
        var diverged = bad
        diverged.runs[0].status = .diverged(step: 50, reason: "overflow")
        #expect(range(good + [diverged]) == plain)
    }

    @Test(
        "All losses of completed runs are shown: on a logarithmic axis where the first ones would flatten the last"
    )
    func wholeCurves() throws {
        func vertical(_ entries: [OptimizerEntry]) throws -> (ClosedRange<Double>, Bool) {
            try #require(
                LossRange.vertical(
                    entries.enumerated().map { LossCurve($1, index: $0, .validation, against: .step) }))
        }
        var steep = ComparisonFixture.entry("steep", [2.2])
        for (index, loss) in [60, 10, 4, 3, 2.6, 2.5, 2.4, 2.35, 2.3, 2.25, 2.2].enumerated() {
            steep.runs[0].curve[index].validationLoss = loss
        }
        let (range, isLogarithmic) = try vertical([steep])
        #expect(isLogarithmic && range.contains(log10(60)) && range.contains(log10(2.2)))
        var flat = steep
        for index in flat.runs[0].curve.indices {
            flat.runs[0].curve[index].validationLoss = 3 - 0.1 * Double(index)
        }
        let (linear, isFlatLogarithmic) = try vertical([flat])
        #expect(!isFlatLogarithmic && linear.contains(3) && linear.contains(2))
        let far = OptimizerEntry(
            label: "far", rule: "far", options: [],
            runs: [ComparisonFixture.run(seed: 0, loss: 500, start: 600)])
        let (both, _) = try vertical([steep, far])
        #expect(both.contains(log10(600)) && both.contains(log10(2.2)))
        let chart = try #require(
            LineChart(ComparisonFixture.result([steep, far]), title: "", .validation, against: .step))
        #expect(chart.isLogarithmic && !chart.isCut)
        #expect(
            chart.remarks.contains { $0.contains("logarithmic") } && chart.summary.contains("ends at 2.200"))
        // A run that diverged may leave the drawing, but takes no room from the others.
        var diverged = far
        diverged.runs[0].status = .diverged(step: 50, reason: "overflow")
        #expect(try vertical([steep, diverged]).0 == range)
        // Losses below zero have no logarithm.
        var negative = steep
        for index in negative.runs[0].curve.indices {
            negative.runs[0].curve[index].validationLoss =
                (negative.runs[0].curve[index].validationLoss ?? 0) - 4
        }
        #expect(try !vertical([negative]).1)
    }

    @Test("Short logarithmic axes have round values, none over another")
    func shortLogarithmicTicks() {
        for domain in [log10(2.2)...log10(5.5), log10(0.15)...log10(2.4), -0.01...0.01, 1.2...1.9] {
            let scale = AxisScale(domain, from: 400, to: 30)
            let ticks = scale.logarithmicTicks()
            #expect((2...8).contains(ticks.count), "\(domain): \(ticks)")
            for (one, next) in zip(ticks, ticks.dropFirst()) {
                #expect(scale.position(one.value) - scale.position(next.value) >= 12)
            }
            #expect(Set(ticks.map(\.text)).count == ticks.count)
        }
        #expect(AxisScale(-6...1, from: 0, to: 100).logarithmicTicks().map(\.text).contains("1e-5"))
    }

    @Test("Lines from points to their names do not cross", arguments: 1...12)
    func uncrossed(seed: UInt64) {
        var state = seed
        func random() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 11) / Double(1 << 53)
        }
        let points = (0..<16).map { _ in (x: 300 * random() * random(), y: 40 + 300 * random() * random()) }
        let heights = LabelPlacement.uncrossed(points, at: 330, height: 17, within: 20...400)
        let sorted = heights.sorted()
        #expect(zip(sorted, sorted.dropFirst()).allSatisfy { $1 - $0 >= 17 - 1e-9 })
        func height(_ index: Int, _ x: Double) -> Double {
            let (p, end) = (points[index], heights[index])
            return p.y + (end - p.y) * (x - p.x) / (330 - p.x)
        }
        for a in points.indices {
            for b in points.indices where a < b {
                let start = max(points[a].x, points[b].x)
                // Two straight lines cross between two places where their order differs there.
                let before = height(a, start) - height(b, start)
                #expect(before * (heights[a] - heights[b]) >= -1e-6)
            }
        }
    }

    @Test("There is a range for a single point, for constant losses, and none for nothing")
    func degenerateRanges() throws {
        var flat = ComparisonFixture.entry("flat", [2])
        for index in flat.runs[0].curve.indices { flat.runs[0].curve[index].validationLoss = 2 }
        let constant = try #require(range([flat]))
        #expect(constant.lowerBound < 2 && constant.upperBound > 2)
        flat.runs[0].curve = Array(flat.runs[0].curve.prefix(1))
        #expect(range([flat]) != nil)
        #expect(range([]) == nil)
        #expect(LossRange.horizontal([]) == nil)
        #expect(LossRange.horizontal([.nan]) == nil)
        #expect(LossRange.horizontal([0, 0])?.contains(0) == true)
    }

    @Test("The axis of final losses leaves out what is far from all others")
    func horizontalRange() throws {
        let range = try #require(LossRange.horizontal([2.2, 2.21, 2.23, 2.24, 5.5]))
        #expect(range.contains(2.24) && !range.contains(5.5))
        let whole = try #require(LossRange.horizontal([2.2, 2.21, 2.22, 2.55]))
        #expect(whole.contains(2.55))
    }

    @Test("No two of two hundred optimizers look alike")
    func styles() {
        let looks = (0..<200).map { index -> [String] in
            let style = SeriesStyle(index: index)
            return ["\(style.color)", style.dash, "\(style.mark)"]
        }
        #expect(Set(looks).count == 200)
    }
}
