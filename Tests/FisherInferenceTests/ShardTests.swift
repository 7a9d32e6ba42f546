import FisherInference
import FisherTables
import Foundation
import Testing

/// Parts of a table, summed apart and merged, have the answers of the whole.
@Suite struct ShardTests {
    private static func part(_ text: String, _ rows: ClosedRange<Int>) throws -> Table {
        let lines = text.split(separator: "\n")
        let own = ([lines[0]] + lines[rows]).joined(separator: "\n")
        return try TableReader().table(of: Array(own.utf8), path: "part.csv")
    }

    @Test(arguments: [
        ("gauss ~ x + z + kind", ModelFamily.gaussian), ("bit ~ x + z + kind", .binomial),
        ("count ~ x + z + kind", .poisson), ("class ~ x + z", .categorical), ("grade ~ x + z", .ordinal),
    ])
    func partsGiveTheWhole(_ formula: String, _ family: ModelFamily) throws {
        let text = try String(
            contentsOf: ReferenceTests.folder.appending(path: "simulated.csv"), encoding: .utf8)
        var options = ModelSpecification.Options()
        (options.formula, options.family, options.cluster) = (formula, family, "group")
        let table = try Self.part(text, 1...150)
        let specification = try ModelSpecification(options, table: table)
        let whole = try LikelihoodFit(specification.model(of: table, dropsMissing: false).model)
        // Clusters 10 and 20 lie in two parts.
        let parts = [
            try Self.part(text, 1...63), try Self.part(text, 64...121), try Self.part(text, 122...150),
        ]
        var point = ShardStatistics.Point(
            specification: specification, parameters: whole.model.start, names: whole.names)
        var merged: MergedModel?
        for _ in 0..<12 {
            var total: ShardStatistics?
            for (index, table) in parts.enumerated() {
                let (model, dropped) = try specification.model(of: table, dropsMissing: false)
                let found = try ShardStatistics(
                    model, at: point, clusterNames: table.column("group").levels, sources: ["\(index)"],
                    rows: table.rowCount, dropped: dropped)
                if total == nil { total = found } else { try total?.add(found, from: "part \(index)") }
            }
            let all = MergedModel(try #require(total))
            merged = all
            let next = try all.next()
            point.parameters = next.point
            if next.length < 1e-9 { break }
        }
        let fit = try #require(try merged?.fit())
        for (a, b) in zip(fit.point, whole.point) { #expect(abs(a - b) < 1e-9) }
        #expect(abs(fit.logLikelihood - whole.logLikelihood) < 1e-9 * abs(whole.logLikelihood))
        for kind in CovarianceKind.allCases {
            for (a, b) in zip(try fit.covariance(kind).values, try whole.covariance(kind).values) {
                #expect(abs(a - b) < 1e-8 * max(1, abs(b)), "\(kind)")
            }
        }
    }

    @Test func partsThatDoNotBelongTogetherAreRefused() throws {
        let table = try TableReader().table(of: Array("y,x\n1,2\n2,3\n4,4\n".utf8), path: "t.csv")
        func statistics(_ formula: String, at value: Double, _ source: String) throws -> ShardStatistics {
            var options = ModelSpecification.Options()
            options.formula = formula
            let specification = try ModelSpecification(options, table: table)
            let model = try specification.model(of: table, dropsMissing: false).model
            let point = ShardStatistics.Point(
                specification: specification, parameters: model.parameterNames.map { _ in value },
                names: model.parameterNames)
            return try ShardStatistics(
                model, at: point, clusterNames: nil, sources: [source], rows: 3, dropped: 0)
        }
        var first = try statistics("y ~ x", at: 0, "a")
        let others = try [
            ("data that a file before it has", statistics("y ~ x", at: 0, "a")),
            ("another point", statistics("y ~ x", at: 1, "b")),
            ("another model", statistics("y ~ 1", at: 0, "b")),
        ]
        for (reason, other) in others {
            #expect { try first.add(other, from: "b.part") } throws: {
                "\($0)".hasPrefix("b.part") && "\($0)".contains(reason)
            }
        }
    }
}
