import Fisher
import Foundation
import Testing

@testable import FisherReports
@testable import FisherStudies
@testable import FisherTraining

/// The page and table of an inspection.
@Suite struct InspectionReportTests {
    final class Network: Module {
        let layer: Linear
        let norm: LayerNorm
        let last: Linear

        init(using generator: RandomGenerator) {
            layer = Linear(4, 3, dtype: .float64, using: generator)
            norm = LayerNorm(3, dtype: .float64)
            last = Linear(3, 2, bias: false, dtype: .float64, using: generator)
        }

        func callAsFunction(_ x: Tensor) -> Tensor { last(norm(layer(x).relu())) }
    }

    private static func inspection() throws -> ModelInspection {
        let generator = try RandomGenerator(seed: 3)
        let model = Network(using: generator)
        let x = Tensor.normal([20, 4], dtype: .float64, using: generator)
        var inspector = try ModelInspector(of: model, samples: 0)
        try inspector.add(
            Objective(Categorical(logits: model(x)), observing: Tensor((0..<20).map { Int64($0 % 2) })))
        return try inspector.inspection()
    }

    @Test func pagesAreWholeAndEscaped() throws {
        let hostile = "<script>alert('x')</script> & \"quotes\""
        let subject = InspectionSubject(
            title: hostile, description: hostile, settings: [Setting(hostile, hostile)])
        let page = try InspectionReport(try Self.inspection(), of: subject).page()
        let content = page.replacing(/<script>\s*\(\(\) => [\s\S]*?<\/script>/, with: "")
        #expect(!content.contains("<script") && content.contains("&lt;script&gt;"))
        #expect(!content.contains("NaN") && content.firstMatch(of: /\bnan\b/) == nil)
        // A figure for each layer with factors, in two layouts, and the map; the norm is in the table.
        #expect(content.matches(of: /<svg class="chart/).count == 6)
        #expect(content.contains("(Linear)") && !content.contains("(LayerNorm)"))
        #expect(content.contains("* without Kronecker factors, of the diagonal alone: norm"))
        for id in ["least-wide-title", "layer-0-wide-title", "layer-2-narrow-desc"] {
            #expect(content.matches(of: try Regex("id=\"\(id)\"")).count == 1, "\(id)")
        }
    }

    @Test func layersWithoutFactorsAreNamed() throws {
        let inspection = try Self.inspection()
        let document = InspectionDocument(
            inspection, of: InspectionSubject(title: "t", description: "d"))
        let lines = document.text().split(separator: "\n")
        #expect(lines.contains { $0.hasPrefix("norm") && $0.contains("no factors") })
        #expect(lines.last == "* without Kronecker factors, of the diagonal alone: norm")
        #expect(document.layers.map(\.hasKroneckerFactors) == [true, false, true])
        #expect(try StoredJSON.decode(InspectionDocument.self, from: document.json()) == document)
        #expect(document.layers[1].diagonalShare == nil && document.layers[0].inputs?.eigenvalues.count == 5)
    }

    @Test func heatMapsAreLogarithmic() {
        let map = HeatMap([1, 0.1, 0, 1e-3, 1e-6, 0.5, 1, 1, 1], size: 3)
        // Four decades in ten steps: 0.1 is three quarters up, 1e-3 one quarter, less than 1e-4 nothing.
        #expect(map.levels == [10, 8, 0, 3, 0, 10, 10, 10, 10])
        let large = HeatMap((0..<112 * 112).map { $0 % 113 == 0 ? 1.0 : 0 }, size: 112)
        #expect(large.side == 56)
        #expect((0..<56).allSatisfy { large.levels[$0 * 57] == 10 })
        #expect(large.levels.filter { $0 > 0 }.count == 56)
        // Runs along the rows: the first row of the small map is two cells of two strengths.
        let drawn = HeatMap([1, 1, 0, 0], size: 2).drawing(x: 0, y: 0, size: 10).map(\.rendered).joined()
        #expect(drawn.contains("M0 0h10v5h-10z"))
        #expect(HeatMap([0], size: 1).levels == [0])
    }

    /// The recorder's numbers fit a line of the metrics.
    @Test func tracesGoIntoTheMetrics() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "traces-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "metrics.jsonl").path
        let estimate = DiagonalInformation(
            source: .empirical,
            sums: DiagonalSums(squares: [ParameterPath("a.weight"): Tensor([2.0, 4])], gradients: [:]),
            observationCount: 2)
        var traces = InformationTraces(every: 5)
        try traces.record(estimate, at: 5)
        try MetricsLog(path: path).append(traces.metrics(at: 5))
        let line = try String(contentsOfFile: path, encoding: .utf8)
        #expect(line == "{\"fisher_trace\":3,\"fisher_trace/a\":3,\"step\":5}\n")
    }
}
