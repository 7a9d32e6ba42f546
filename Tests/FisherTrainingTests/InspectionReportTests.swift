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
        // A true block of each layer, a surrogate of each with factors, and the map, each in two layouts.
        #expect(content.matches(of: /<svg class="chart/).count == 12)
        #expect(
            content.contains("(Linear): K-FAC&#39;s surrogate")
                || content.contains("(Linear): K-FAC's surrogate"))
        #expect(content.contains("(LayerNorm): true block") && !content.contains("(LayerNorm): K-FAC"))
        for id in ["least-wide-title", "layer-0-wide-title", "layer-2-narrow-desc", "block-1-wide-title"] {
            #expect(content.matches(of: try Regex("id=\"\(id)\"")).count == 1, "\(id)")
        }
    }

    @Test func layersWithoutFactorsAreNamed() throws {
        let inspection = try Self.inspection()
        let document = InspectionDocument(
            inspection, of: InspectionSubject(title: "t", description: "d"))
        let lines = document.text().split(separator: "\n")
        // The norm has a true block and a diagonal; K-FAC and its surrogate are of the linear layers.
        let norm = try #require(lines.first { $0.hasPrefix("norm ") })
        #expect(norm.contains("LayerNorm") && norm.split(separator: " ").filter { $0 == "-" }.count == 2)
        #expect(try StoredJSON.decode(InspectionDocument.self, from: document.json()) == document)
        #expect(document.layers.map { $0.surrogate == nil } == [false, true, false])
        #expect(
            document.layers[1].errors.count == 1
                && document.layers[0].surrogate?.inputs.eigenvalues.count == 5)
        #expect(document.surrogateTable.rowCount == 2)
        #expect(document.csv().hasPrefix("layer,type,parameters,trace,empirical_trace,norm,"))
    }

    /// An error above one is marked and explained, and a document that contradicts itself is refused.
    @Test func errorsWorseThanZeroAreMarked() throws {
        var document = InspectionDocument(
            try Self.inspection(), of: InspectionSubject(title: "t", description: "d"))
        document.layers[0].errors[1] = StructureError(
            structure: "kronecker",
            comparison: try InformationComparison([.root: Tensor([-2.0])], to: [.root: Tensor([1.0])]))
        #expect(
            document.text().contains("3.000 !")
                && document.text().contains("a matrix of zeros would be nearer"))
        for index in document.layers.indices {
            document.layers[index].errors.removeLast(document.layers[index].errors.count - 1)
        }
        #expect(!document.text().contains("!"))
        document.dampings.removeLast()
        #expect(throws: DocumentFault.self) { try document.validate() }
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
        // Signs: a negative cell is a smaller square of another class, and the scale shows both.
        let signed = HeatMap([1, -1, -0.5, 1], size: 2)
        #expect(signed.isNegative == [false, true, true, false] && signed.hasNegative && !map.hasNegative)
        let parts = signed.drawing(x: 0, y: 0, size: 10).map(\.rendered).joined()
        #expect(
            parts.contains("class=\"negative\" d=\"M5.7 0.7h3.6v3.6h-3.6z") && parts.contains("M0 0h5v5h-5z"))
        let scale = HeatMap.signedScale(x: 0, y: 0, width: 200).map(\.rendered).joined()
        #expect(scale.contains("\u{2212}largest") && scale.contains("+largest"))
    }

    /// Looks at the information are on the page of the runs, and in the records of what was looked at only.
    @Test func informationAlongTrainingIsDrawn() throws {
        var run = RunRecord(
            seed: 3, status: .completed,
            curve: [CurvePoint(step: 10, tokens: 10, seconds: 1, trainingLoss: 1, validationLoss: 1)],
            finalValidationLoss: 1, forwardBackwardMilliseconds: 1, optimizerMilliseconds: 1, stateBytes: 0)
        func page() throws -> String {
            let comparison = OptimizerComparison(
                task: TaskSummary(
                    name: "t", description: "d", parameterCount: 4, lossUnit: "point", settings: []),
                environment: .example,
                entries: [OptimizerEntry(label: "fadam", rule: "fadam", options: [], runs: [run])])
            let again = try StoredJSON.decode(OptimizerComparison.self, from: comparison.json())
            #expect(again.entries[0].runs[0].information == run.information)
            return again.report()
        }
        #expect(try !page().contains("Fisher information along training"))
        run.information = [0, 5, 10].map {
            InformationMoment(
                step: $0, trace: 2 + Double($0), traces: ["a": 2 + Double($0)], topEigenvalue: 1,
                effectiveRank: 1.5, histogram: [-4: 0.5, -3: 0.25], unreached: 0.25)
        }
        let drawn = try page()
        #expect(drawn.contains("Fisher information along training") && drawn.contains("fadam, seed 3"))
        #expect(drawn.contains("trace 2 at step 0, 12") && drawn.contains("below about 1e-2 at step 0"))
        #expect(!drawn.contains("NaN"))
        run.information?.swapAt(0, 2)
        #expect(throws: DocumentFault.self) { try run.validate("run") }
    }
}
