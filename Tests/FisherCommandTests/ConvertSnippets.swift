import Fisher
import Foundation
import Testing

/// The Swift example of the article FromAndToPyTorch.
@Suite struct ConvertSnippets {
    @Test func foldersOfGPT2() throws {
        try CommandTests.withFolder { root in
            let (path, copy) = ("\(ConvertCommandTests.fixtures)/gpt2/plain", root + "/copy")

            let folder = try GPT2Folder(path: path)
            let model = try folder.makeModel(using: try RandomGenerator(seed: 0))
            model.setTraining(false)
            let logits = model(Tensor([3, 14, 15] as [Int64], shape: [1, 3]))
            try folder.write(model, to: copy)

            #expect(logits.shape == [1, 3, 37])
            #expect(try GPT2Folder(path: copy).configuration == folder.configuration)
        }
    }
}
